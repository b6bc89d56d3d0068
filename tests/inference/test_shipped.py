"""The network that comes with the package, in the commands that need no other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdepth_jax import DepthPredictor
from deepdepth_jax.convert import main as convert
from deepdepth_jax.demo.__main__ import main as demo
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.network_file import read_network
from deepdepth_jax.inference.network_metadata import read_metadata
from deepdepth_jax.inference.saved_network import load_network
from deepdepth_jax.predict.__main__ import main as predict
from deepdepth_jax.runtime.shipped import SHIPPED, by_name, shipped_network
from deepdepth_jax.weights.hub import find
from deepdepth_jax.weights.pretrained import open_pretrained

DATA = Path(__file__).parents[1] / "data"
SCENE_FOCAL_PX = 211.936
IMAGE = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)


@pytest.fixture
def shipped(trained, tmp_path):
    path = tmp_path / "anywhere.safetensors"
    convert([f"--input={trained / 'run'}", f"--output={path}", "--licence=Apache-2.0"])
    return path


@pytest.fixture
def options(tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    return [f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'out'}"]


def test_predict_uses_it_and_says_so(trained, shipped, options, tmp_path, capsys):
    capsys.readouterr()
    assert predict([*options, "--save=npy"], shipped) == 0
    name, measured, licence, not_for, *_ = capsys.readouterr().out.splitlines()
    assert name == "network: anywhere, which comes with deepdepth_jax"
    assert measured.startswith("  measured on streets test, 3 images, rendered ground")
    assert "AbsRel" in measured
    assert licence == "  licence: Apache-2.0"
    assert "not for indoor scenes, fisheye lenses or images of unknown" in not_for
    depth_m = np.load(tmp_path / "out" / "a_depth.npy")
    expected = DepthPredictor.load(trained / "run")(IMAGE).depth_m
    np.testing.assert_allclose(depth_m, expected, rtol=1e-5)
    predict([f"--workdir={trained / 'run'}", *options], shipped)
    predict([f"--weights={shipped}", *options], shipped)
    assert "network:" not in capsys.readouterr().out


def test_without_it_a_network_must_be_named(options, tmp_path):
    missing = tmp_path / "anywhere.safetensors"
    message = r"\(anywhere\.safetensors is missing\): name .*--workdir=RUN or --weights"
    for command in (
        lambda: predict(options, missing),
        lambda: demo(["--port=1"], missing),
        lambda: shipped_network(missing),
    ):
        with pytest.raises(UserError, match=message) as error:
            command()
        assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_what_lies_in_the_package_works(options, tmp_path):
    """From any folder and to the exit code."""
    command = [sys.executable, "-m", "deepdepth_jax.predict", *options]
    environment = os.environ | {"PYTHONPATH": str(SHIPPED.parents[3])}
    subprocess.run(command, cwd=tmp_path, check=True, env=environment)
    assert (tmp_path / "out" / "a_depth.png").exists()
    assert SHIPPED.stat().st_size <= 16e6


def test_it_predicts_a_scene_that_it_has_not_seen():
    """Scene 41 of the wide world's test split."""
    image = np.asarray(Image.open(DATA / "wide_scene.png"))
    true_m = np.asarray(Image.open(DATA / "wide_scene_depth.png")) / 256
    found = DepthPredictor.load()(image, focal_px=SCENE_FOCAL_PX)
    counts = (true_m > 0) & (true_m < 80)
    error = np.abs(found.depth_m - true_m) / np.maximum(true_m, 1e-3)
    assert error[counts].mean() < 0.1  # .093
    is_inside = (found.low_m <= true_m) & (true_m <= found.high_m)
    assert is_inside[counts].mean() > 0.9
    sky = true_m == 0
    assert (found.depth_m[sky] > 70).mean() > 0.9  # .97


def test_its_results_name_no_folder_of_the_machine_that_measured_them():
    fields = read_metadata(SHIPPED)
    evaluations = fields["details"]["evaluations"]
    assert len(evaluations) == 4
    assert fields["details"]["licence"] == "Apache-2.0"
    assert ": /" not in json.dumps(fields)
    assert " /" not in json.dumps(fields)


def test_it_has_a_name_wherever_a_network_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = read_network(SHIPPED).config
    assert DepthPredictor.load("anywhere").config == expected
    assert load_network(Path("anywhere")).config == expected
    assert open_pretrained("anywhere").network == expected
    assert find("anywhere") == SHIPPED
    convert(["--input=anywhere", "--output=copy.safetensors", "--dtype=bfloat16"])
    assert DepthPredictor.load("copy.safetensors").config == expected
    Path("anywhere").mkdir()
    assert by_name(Path("anywhere")) == Path("anywhere")
