"""The user's own pairs, and several data sets at once, from the command line."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from tiny_runs import arguments

from deepdepth_jax import DepthPredictor
from deepdepth_jax.datasets.streets.streets_source import StreetsSource
from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main
from deepdepth_jax.predict import __main__ as predict


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Eleven pairs: the first and the last test, the sixth validates."""
    folder = tmp_path_factory.mktemp("pairs")
    source = StreetsSource("train", 11, 32, 64, seed=9)
    lines = []
    for index in range(11):
        example = source.read(index)
        Image.fromarray(example.image).save(folder / f"{index}.png")
        np.save(folder / f"{index}.npy", example.depth_m * 100)
        line = {"image": f"{index}.png", "depth": f"{index}.npy", "focal_px": 60.0}
        lines.append(json.dumps(line))
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    return folder / "pairs.jsonl"


def pairs(manifest, **overrides):
    return {
        "data__dataset": "pairs",
        "data__pairs__manifest": manifest,
        "data__pairs__depth_unit_m": 0.01,
    } | overrides


def test_own_pairs_are_trained_on_and_evaluated(manifest, tmp_path, capsys):
    main(arguments(tmp_path, **pairs(manifest)))
    out = capsys.readouterr().out
    assert f"pairs train of {manifest} (given): 8 of 8 frames under" in out
    assert re.search(r"pairs test of \S+, given ground truth, .*: 2 images", out)


def test_preparing_alone_leaves_nothing_to_do_for_training(manifest, tmp_path, capsys):
    argv = arguments(tmp_path, **pairs(manifest))
    main([*argv, "--mode=prepare"])
    assert capsys.readouterr().out.count("prepares") == 3
    assert not (tmp_path / "run").exists()
    main(argv)
    assert "prepares" not in capsys.readouterr().out


@pytest.fixture(scope="module")
def mixed(manifest, tmp_path_factory):
    """A run on two data sets with different cameras, brought to a common one."""
    folder = tmp_path_factory.mktemp("mixed")
    mixture = {
        "data__mixture__pairs": 1,
        "data__mixture__streets": 3,
        "data__canonical_focal_px": 600,
        "bins__max_depth_m": 800,
    }
    main(arguments(folder, **pairs(manifest, **mixture)))
    return folder / "run"


def test_a_mixture_is_trained_on_and_one_data_set_evaluated(mixed):
    protocol = json.loads((mixed / "eval.json").read_text())["protocol"]
    assert (protocol["dataset"], protocol["images"]) == ("pairs", 2)


def test_predictions_are_scaled_back_to_the_images_camera(mixed):
    predictor = DepthPredictor.load(mixed)
    image = np.zeros((32, 64, 3), np.uint8)
    far, near = predictor(image, focal_px=60.0), predictor(image, focal_px=40.0)
    np.testing.assert_allclose(near.depth_m, far.depth_m * 2 / 3, rtol=1e-6)
    assert far.depth_m.max() <= 80  # of 800 m through the canonical lens


def test_predict_says_what_focal_length_it_assumes(mixed, tmp_path, capsys):
    Image.fromarray(np.zeros((32, 64, 3), np.uint8)).save(tmp_path / "image.png")
    argv = [
        f"--workdir={mixed}",
        f"--input={tmp_path / 'image.png'}",
        f"--output={tmp_path / 'out'}",
    ]
    predict.main(argv)
    assert "assumed, 26 mm as 35 mm equivalent" in capsys.readouterr().out
    predict.main([*argv, "--focal_px=60"])
    assert "assumed" not in capsys.readouterr().out
    assert (tmp_path / "out" / "image_depth.png").exists()


def test_unknown_focal_lengths_are_refused_where_they_are_needed(manifest, tmp_path):
    text = manifest.read_text().replace(', "focal_px": 60.0', "", 1)
    without = manifest.with_name("without.jsonl")
    without.write_text(text)
    argv = arguments(tmp_path, **pairs(without, data__canonical_focal_px=600))
    with pytest.raises(UserError, match=r"1 of pairs test have none, such as 0\.png"):
        main(argv)
