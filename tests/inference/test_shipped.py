"""The network that comes with the package, in the commands that need no other."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from deepdepth_jax import DepthPredictor
from deepdepth_jax.convert import main as convert
from deepdepth_jax.demo.__main__ import main as demo
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.network_file import read_network
from deepdepth_jax.predict.__main__ import main as predict
from deepdepth_jax.runtime.cli import MISTAKE
from deepdepth_jax.runtime.shipped import SHIPPED, shipped_network

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
    """With the file and without, from any folder and to the exit code."""
    command = [sys.executable, "-m", "deepdepth_jax.predict", *options]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(SHIPPED.parents[3])},
    )
    if SHIPPED.exists():
        assert done.returncode == 0
        assert DepthPredictor.load().config == read_network(SHIPPED).config
        assert SHIPPED.stat().st_size <= 16e6
    else:
        assert done.returncode == MISTAKE
        assert done.stderr.startswith("error: no network comes with this version")
        assert done.stderr.count("\n") == 1
        with pytest.raises(UserError, match="no network comes with this version"):
            DepthPredictor.load()
