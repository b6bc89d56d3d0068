"""The CRF where depth is predicted: in evaluation and in prediction."""

import dataclasses
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import OVERRIDES

from deepdepth_jax import DepthPredictor
from deepdepth_jax.config import complete, default_config, override, with_fields
from deepdepth_jax.datasets.streets.streets_source import StreetsSource
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.evaluate import evaluate
from deepdepth_jax.inference.crf.mean_field import dense_crf
from deepdepth_jax.inference.posterior import PixelPosterior, Views
from deepdepth_jax.inference.saved_network import restore
from deepdepth_jax.main import main
from deepdepth_jax.metrics import depth_metrics
from deepdepth_jax.models.build import build_network
from deepdepth_jax.models.heads import build_bins
from deepdepth_jax.runtime.workdir import stored_config
from deepdepth_jax.types import Prediction, Trained
from deepdepth_jax.uncertainty.confidence import at_temperature, measure_confidence

TEMPERATURE = 1.7
STRONG = {"enabled": True, "iterations": 3, "appearance_weight": 30.0}


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("refined")
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    return folder / "run"


@pytest.fixture(scope="module")
def learnt(run):
    found = restore(stored_config(run), run, "best").trained
    return Trained(found.variables, TEMPERATURE)


@pytest.fixture(scope="module")
def scenes():
    height, width = (OVERRIDES[f"data.streets.{side}"] for side in ("height", "width"))
    source = StreetsSource("test", 3, height, width, seed=0)
    return [source.read(index) for index in range(3)]


def configured(run, crf, **evaluation):
    fields = {f"crf.{name}": value for name, value in crf.items()}
    fields |= {f"eval.{name}": value for name, value in evaluation.items()}
    return with_fields(stored_config(run), fields)


def refined_by_hand(config, trained, image):
    """Averages views, applies the temperature, then the CRF, each once."""
    parts = build_network(config)
    views = Views(config.eval.flip, config.eval.scales)
    posterior = PixelPosterior(parts.model, parts.head, parts.convention, views)
    own = jax.jit(posterior)(trained.variables, jnp.asarray(image[None]))
    calibrated = at_temperature(jnp.log(own), trained.temperature)
    return dense_crf(calibrated[0], image, config.crf)


def share_explained(depth_m, parts):
    """Gives how much of the variance of ln depth lies between two parts."""
    ln_depth = np.log(depth_m)
    means = np.where(parts, ln_depth[parts].mean(), ln_depth[~parts].mean())
    return means.var() / ln_depth.var()


@pytest.mark.parametrize(
    ("decode", "views"),
    [("expectation", {}), ("argmax", {"flip": True, "scales": (1.0, 1.5)})],
)
def test_depth_and_confidence_are_read_off_what_the_crf_makes_of_calibrated_views(
    run, learnt, scenes, decode, views
):
    config = configured(run, STRONG, decode=decode, **views)
    found = DepthPredictor(config, learnt)(scenes[0].image)
    refined = refined_by_hand(config, learnt, scenes[0].image)
    bins = build_bins(config)
    # Where two bins are equally probable rounding chooses.
    same = np.isclose(found.depth_m, bins.decode(refined, decode), rtol=1e-3)
    assert same.mean() > 0.999
    confidence = measure_confidence(refined, bins)
    for ours, expected in (
        (found.confidence, confidence.max_probability),
        (found.entropy_nats, confidence.entropy_nats),
        (found.log_depth_std, confidence.log_depth_std),
    ):
        np.testing.assert_allclose(ours, expected, rtol=2e-3, atol=1e-4)


def test_depth_follows_the_image(run, learnt):
    """Above all of a slanted edge, which the network sees in steps of its stride."""
    y_px, x_px = np.mgrid[:32, :64]
    bright = x_px + y_px > 48
    image = np.repeat(np.where(bright, 200, 50)[..., None], 3, -1).astype(np.uint8)
    before, after = (
        DepthPredictor(configured(run, crf), learnt)(image).depth_m
        for crf in ({}, STRONG)
    )
    left_before, left_after = (
        1 - share_explained(depth_m, bright) for depth_m in (before, after)
    )
    assert left_after < 0.5 * left_before


def test_without_iterations_calibrated_depth_stays(run, learnt, scenes):
    untouched = Trained(learnt.variables)  # a temperature of 1
    plain = DepthPredictor(configured(run, {}), untouched)(scenes[0].image)
    idle = {"enabled": True, "iterations": 0}
    found = DepthPredictor(configured(run, idle), untouched)(scenes[0].image)
    for field in dataclasses.fields(Prediction):
        ours, expected = getattr(found, field.name), getattr(plain, field.name)
        np.testing.assert_allclose(ours, expected, rtol=1e-3, err_msg=field.name)


def test_off_changes_no_bit(run, learnt, scenes):
    plain = DepthPredictor(configured(run, {}), learnt)(scenes[0].image)
    off = configured(run, STRONG | {"enabled": False})
    found = DepthPredictor(off, learnt)(scenes[0].image)
    for field in dataclasses.fields(plain):
        np.testing.assert_array_equal(*(getattr(x, field.name) for x in (found, plain)))
    assert default_config().crf.enabled is False


def test_a_batch_that_is_not_full_is_its_images(run, learnt, scenes):
    predictor = DepthPredictor(configured(run, STRONG), learnt)
    together = list(predictor.predict_each(iter(scenes)))
    assert [scene.name for scene, _ in together] == [scene.name for scene in scenes]
    for scene, among in together:
        alone = predictor(scene.image)
        np.testing.assert_allclose(among.depth_m, alone.depth_m, rtol=1e-3)


def test_windows_are_refined_by_their_own_part_of_the_image(run, learnt, scenes):
    found, other = (
        DepthPredictor(configured(run, STRONG), learnt, window=window)(scenes[0].image)
        for window in ((1000, 1000), (24, 40))
    )
    whole = DepthPredictor(configured(run, STRONG), learnt)(scenes[0].image)
    np.testing.assert_array_equal(found.depth_m, whole.depth_m)
    difference = np.abs(np.log(other.depth_m / whole.depth_m))
    assert 0 < difference.mean() < 0.2


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 40)])
def test_small_images_are_refined_too(run, learnt, scenes, height, width):
    predictor = DepthPredictor(configured(run, STRONG), learnt)
    found = predictor(scenes[0].image[:height, :width])
    assert found.depth_m.shape == (height, width)
    assert 1 <= found.depth_m.min() <= found.depth_m.max() <= 80


def test_evaluation_measures_what_the_predictor_gives(run, scenes):
    """Of the network's own distribution it says what it says without the CRF."""

    def results(crf):
        evaluate(configured(run, crf, figures=0), run, "best")
        return json.loads((run / "eval.json").read_text())

    plain, refined = results({}), results(STRONG)
    predictor = DepthPredictor(configured(run, STRONG), restored(run))
    abs_rel = [
        depth_metrics(predictor(scene.image).depth_m, scene.depth_m, crop="none")
        for scene in scenes
    ]
    expected = np.mean([metrics["abs_rel"] for metrics in abs_rel])
    assert refined["metrics"]["abs_rel"] == pytest.approx(expected, rel=1e-3)
    assert plain["metrics"]["abs_rel"] != pytest.approx(expected, rel=1e-2)
    assert refined["confidence"]["own"]["nll"] == pytest.approx(
        plain["confidence"]["own"]["nll"], rel=1e-5
    )
    assert refined["confidence"]["calibrated"] != plain["confidence"]["calibrated"]
    assert refined["confidence"]["temperature"] == plain["confidence"]["temperature"]
    assert results({}) == plain


def test_a_run_that_was_trained_without_is_evaluated_with_the_crf(run):
    command = [f"--workdir={run}", "--mode=evaluate", "--config.eval.figures=0"]
    main([*command, "--config.crf.enabled=True"])
    found = json.loads((run / "eval.json").read_text())
    assert found["protocol"]["crf"]["compatibility"] == "truncated_linear"
    assert "refined by a CRF" in (run / "eval.md").read_text()
    main(command)
    assert json.loads((run / "eval.json").read_text())["protocol"]["crf"] is None


def restored(run):
    return restore(stored_config(run), run, "best").trained


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("iterations", "-1"),
        ("iterations", "many"),
        ("smoothness_weight", "-0.5"),
        ("theta_gamma_px", "0"),
        ("theta_alpha_px", "inf"),
        ("theta_beta", "nan"),
        ("truncation_bins", "0"),
        ("compatibility", "euclid"),
        ("enabled", "perhaps"),
    ],
)
def test_wrong_fields_are_refused_by_name(field, value):
    with pytest.raises(UserError, match=rf"crf\.{field}") as caught:
        complete(
            override(
                default_config(),
                ["--config.model.norm=trained", f"--config.crf.{field}={value}"],
            )
        )
    assert "\n" not in str(caught.value)
