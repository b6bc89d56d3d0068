"""Heads beside the paper's, from training to a file for other runtimes."""

import json

import numpy as np
import pytest
from PIL import Image
from tiny_runs import arguments

from deepdepth_jax import DepthPredictor
from deepdepth_jax.config import complete, default_config, override
from deepdepth_jax.errors import UserError
from deepdepth_jax.export.__main__ import main as export
from deepdepth_jax.main import main
from deepdepth_jax.predict.__main__ import main as predict


def train(folder, *overrides):
    main([*arguments(folder), *(f"--config.{field}" for field in overrides)])
    return folder / "run"


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    return train(tmp_path_factory.mktemp("heads"), "model.head=regression")


@pytest.fixture(scope="module")
def ordinal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    return train(folder, "model.head=ordinal", "eval.decode=count")


@pytest.fixture
def image(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "street.png")
    return image


def test_an_ordinal_run_has_depth_and_confidence(ordinal, image):
    results = json.loads((ordinal / "eval.json").read_text())
    assert results["protocol"]["decode"] == "count"
    assert np.isfinite(results["confidence"]["calibrated"]["nll"])
    found = DepthPredictor.load(ordinal)(image)
    assert 1 <= found.depth_m.min() <= found.depth_m.max() <= 80
    assert (found.low_m <= found.high_m).all()


def test_a_regression_has_depth_and_says_that_it_has_no_confidence(regression, image):
    results = json.loads((regression / "eval.json").read_text())
    assert results["protocol"]["decode"] == "regression"
    assert np.isfinite(results["metrics"]["abs_rel"])
    assert "confidence" not in results
    said = (regression / "eval.md").read_text()
    assert "Without a distribution over bins there is no confidence" in said
    assert not (regression / "figures" / "reliability.png").exists()
    found = DepthPredictor.load(regression)(image)
    assert 1 <= found.depth_m.min() <= found.depth_m.max() <= 80
    assert found.confidence is found.low_m is None


def test_its_depth_is_saved_and_its_confidence_is_refused(regression, image, tmp_path):
    command = [
        f"--workdir={regression}",
        f"--input={tmp_path / 'street.png'}",
        f"--output={tmp_path / 'out'}",
    ]
    assert predict([*command, "--save=depth16,color,npy"]) == 0
    depth_m = np.load(tmp_path / "out" / "street_depth.npy")
    found = DepthPredictor.load(regression)(image).depth_m
    np.testing.assert_allclose(depth_m, found, rtol=1e-5)
    with pytest.raises(UserError, match=r"--save=confidence: .*model\.head=regression"):
        predict([*command, "--save=npy,confidence"])


@pytest.mark.parametrize("run", ["ordinal", "regression"])
def test_it_is_exported_with_what_it_says(run, request, tmp_path):
    path = tmp_path / "depth.stablehlo"
    workdir = request.getfixturevalue(run)
    export([f"--workdir={workdir}", "--format=stablehlo", f"--output={path}"])
    metadata = json.loads((tmp_path / "depth.stablehlo.json").read_text())
    assert metadata["head"] == run
    assert ("confidence" in metadata["outputs"]) == (run == "ordinal")


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["model.head=dorn"], "model.head='dorn': must be one of classif"),
        (
            ["model.head=ordinal", "train.loss=silog"],
            "train.loss=silog: must be one of ordinal with model.head=ordinal",
        ),
        (["train.loss=ordinal"], "must be one of cross_entropy, soft_labels, label_sm"),
        (
            ["model.head=regression", "train.silog_weight=0.1"],
            "train.silog_weight=0.1: must be 0 with model.head=regression",
        ),
        (["model.head=regression", "crf.enabled=True"], "with model.head=regression"),
        (["train.soft_label_std=0"], "train.soft_label_std=0.0: must be a number >="),
        (["train.label_smoothing=1"], "train.label_smoothing=1.0: must be .* < 1"),
        (["train.label_smoothing=-1"], "train.label_smoothing=-1.0: must be .* >= 0"),
        (["train.silog_weight=-1"], "train.silog_weight=-1.0: must be .* >= 0"),
    ],
)
def test_what_does_not_go_together_is_refused(overrides, says):
    command = ["model.norm=trained", *overrides]
    with pytest.raises(UserError, match=says):
        complete(override(default_config(), [f"--config.{one}" for one in command]))


def test_a_head_brings_its_usual_loss():
    for head, loss in {
        "classification": "cross_entropy",
        "ordinal": "ordinal",
        "regression": "silog",
    }.items():
        command = ["--config.model.norm=trained", f"--config.model.head={head}"]
        assert complete(override(default_config(), command)).train.loss == loss
