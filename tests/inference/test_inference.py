import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.inference import posterior as posterior_module
from deepdepth_jax.inference.posterior import PixelPosterior, Views
from deepdepth_jax.inference.runner import Runner
from deepdepth_jax.inference.steps import LikelihoodStep, PredictStep, ScoreStep
from deepdepth_jax.models.build import initial_variables
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.heads import Classification
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.resampling import resize_bilinear
from deepdepth_jax.types import Trained
from deepdepth_jax.uncertainty.temperature import LOG_TEMPERATURES

BINS = DepthBins("sid", 10, 1.0, 80.0)
NETWORK = DeepLabV2(
    outputs=10,
    architecture="tiny",
    width=4,
    output_stride=8,
    norm="trained",
    stride_on="1x1",
    aspp_rates=(1, 2),
)


@functools.cache
def variables():
    """Of a network with opinions: larger weights than it starts with."""
    start = initial_variables(NETWORK, seed=0)
    aspp = jax.tree.map(lambda x: 30 * x, start["params"]["aspp"])
    return start | {"params": start["params"] | {"aspp": aspp}}


def random_images(count=4):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 33, 41, 3), np.uint8)


def posterior(**views):
    head = Classification(BINS)
    return PixelPosterior(NETWORK, head, CONVENTIONS["imagenet_rgb"], Views(**views))


def predict(batch_size, images, *, decode="expectation", temperature=1.0, **views):
    run = Runner(PredictStep(posterior(**views), decode), batch_size)
    return run(Trained(variables(), temperature), images)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_a_batch_that_is_not_full_predicts_the_same(count):
    whole = predict(4, random_images())
    part = predict(4, random_images()[:count])
    for alone, among in zip(jax.tree.leaves(part), jax.tree.leaves(whole), strict=True):
        assert alone.shape == (count, 33, 41)
        np.testing.assert_allclose(alone, among[:count], rtol=1e-5)


def test_flip_averaging_gives_mirrored_images_mirrored_depth():
    image = random_images(1)
    result = predict(1, image, flip=True)
    mirrored = predict(1, image[:, :, ::-1], flip=True)
    np.testing.assert_allclose(result.depth_m, mirrored.depth_m[:, :, ::-1], rtol=1e-5)
    plain = predict(1, image)
    assert not np.allclose(result.depth_m, plain.depth_m, rtol=1e-3)


def test_flip_averaging_is_in_probability_space():
    """The mean of the two distributions has the mean of the two expectations."""
    image = random_images(1)
    direct = predict(1, image).depth_m
    mirrored = predict(1, image[:, :, ::-1]).depth_m[:, :, ::-1]
    both = predict(1, image, flip=True).depth_m
    np.testing.assert_allclose(both, (direct + mirrored) / 2, rtol=1e-5)


def test_what_is_said_of_an_enlarged_image_is_moved_to_where_it_is():
    """Enlarged by the ratio of two edges, all is one bin farther than it looks."""
    scale = 80 ** (1 / 10)
    found = jax.jit(posterior(scales=(scale,)))(variables(), random_images(1))
    size = (1, round(33 * scale), round(41 * scale), 3)
    enlarged = jax.image.resize(random_images(1).astype(np.float32), size, "bilinear")
    network_input = CONVENTIONS["imagenet_rgb"](enlarged)
    logits = NETWORK.apply(variables(), network_input, train=False)
    seen = np.asarray(jax.nn.softmax(resize_bilinear(logits, (33, 41))))
    expected = np.roll(seen, 1, axis=-1)
    expected[..., 9] += expected[..., 0]
    expected[..., 0] = 0
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(found - seen).max() > 0.1


@pytest.mark.parametrize(("most_px", "runs"), [(2**17, 2), (0, 4)])
def test_scales_and_flips_are_all_averaged(most_px, runs, monkeypatch):
    """Small images run in one batch with their mirrored ones."""
    image = random_images(2)
    parts = [
        predict(2, frame, scales=(scale,)).depth_m[:, :, ::step]
        for frame, step in ((image, 1), (image[:, :, ::-1], -1))
        for scale in (0.75, 1.0)
    ]
    apply, applied = DeepLabV2.apply, []

    def counted(*arguments, **options):
        applied.append(1)
        return apply(*arguments, **options)

    monkeypatch.setattr(posterior_module, "MOST_STACKED_PX", most_px)
    monkeypatch.setattr(DeepLabV2, "apply", counted)

    class Fresh(PredictStep):
        """Equal to no step that is traced already."""

    run = Runner(Fresh(posterior(flip=True, scales=(0.75, 1.0)), "expectation"), 2)
    together = run(Trained(variables()), image).depth_m
    assert len(applied) == runs
    np.testing.assert_allclose(together, np.mean(parts, axis=0), rtol=1e-4)


@pytest.mark.parametrize("decode", ["expectation", "median", "argmax"])
def test_temperature_changes_confidence_and_never_the_depth(decode):
    own, softer = (
        predict(4, random_images(), decode=decode, temperature=temperature)
        for temperature in (1.0, 2.5)
    )
    np.testing.assert_array_equal(own.depth_m, softer.depth_m)
    assert (softer.confidence < own.confidence).all()
    assert (softer.entropy_nats > own.entropy_nats).all()
    assert (softer.log_depth_std > own.log_depth_std).mean() > 0.9
    wider = softer.high_m - softer.low_m > own.high_m - own.low_m
    assert wider.mean() > 0.9


def test_depth_lies_within_the_bins_and_its_interval_and_confidence_is_a_probability():
    result = predict(4, random_images(), decode="median")
    assert 1 <= result.depth_m.min() <= result.depth_m.max() <= 80
    assert (result.low_m <= result.depth_m).all()
    assert (result.depth_m <= result.high_m).all()
    assert 0.1 <= result.confidence.min() <= result.confidence.max() <= 1
    assert 0 <= result.entropy_nats.min() <= result.entropy_nats.max() <= np.log(10)


def depths_m():
    rng = np.random.default_rng(1)
    depth_m = np.exp(rng.uniform(0, np.log(90), (4, 33, 41))).astype(np.float32)
    depth_m[rng.random(depth_m.shape) < 0.5] = 0
    return depth_m


def test_scores_are_those_of_the_distribution_and_of_the_calibrated_one():
    run = Runner(ScoreStep(posterior(), "argmax"), 4)
    trained, depth_m = Trained(variables(), 2.0), depths_m()
    prediction, (own, calibrated) = run(trained, random_images(), depth_m)
    alone = predict(4, random_images(), decode="argmax", temperature=2.0)
    for together, by_itself in zip(
        jax.tree.leaves(prediction), jax.tree.leaves(alone), strict=True
    ):
        np.testing.assert_allclose(together, by_itself, rtol=1e-5)
    own_bins = posterior()(variables(), jnp.asarray(random_images()))
    probabilities = np.asarray(own_bins, np.float64)
    softened = np.sqrt(probabilities)
    softened /= softened.sum(-1, keepdims=True)
    valid = (depth_m > 0) & (depth_m <= 80)
    labels = np.clip(np.digitize(depth_m, BINS.edges_m) - 1, 0, 9)
    for scores, p in ((own, probabilities), (calibrated, softened)):
        np.testing.assert_array_equal(scores.valid, valid)
        likelihood = np.take_along_axis(p, labels[..., None], -1)[..., 0]
        np.testing.assert_allclose(
            scores.nll[valid], -np.log(likelihood[valid]), rtol=1e-3, atol=1e-4
        )


def test_likelihoods_are_summed_image_by_image():
    given = Trained(variables()), random_images(3), depths_m()[:3]
    nll, pixels = Runner(LikelihoodStep(posterior()), 4)(*given)
    valid = (depths_m()[:3] > 0) & (depths_m()[:3] <= 80)
    np.testing.assert_array_equal(pixels, valid.sum((1, 2)))
    assert nll.shape == (3, LOG_TEMPERATURES.size)
    _, (own, _) = Runner(ScoreStep(posterior(), "argmax"), 4)(*given)
    [middle] = np.flatnonzero(np.abs(LOG_TEMPERATURES) < 1e-9)
    sums = np.where(valid, own.nll, 0).sum((1, 2))
    np.testing.assert_allclose(nll[:, middle], sums, rtol=1e-4)


def test_probabilities_that_vanish_are_not_impossible():
    """Of a network so sure that float32 has no number for what it excludes."""
    start = variables()
    aspp = jax.tree.map(lambda x: 1000 * x, start["params"]["aspp"])
    sure = start | {"params": start["params"] | {"aspp": aspp}}
    run = Runner(LikelihoodStep(posterior()), 4)
    nll, pixels = run(Trained(sure), random_images(), depths_m())
    assert np.isfinite(nll).all()
    [middle] = np.flatnonzero(np.abs(LOG_TEMPERATURES) < 1e-9)
    assert nll[:, middle].sum() / pixels.sum() > 40


@functools.cache
def scores_and_likelihoods(**fields):
    depth_m = jnp.asarray(np.random.default_rng(1).uniform(0, 90, (4, 33, 41)), "f4")
    of = dataclasses.replace(posterior(flip=True, scales=(1.0, 1.5)), **fields)
    score, likelihood = ScoreStep(of, "median"), LikelihoodStep(of)
    run = jax.jit(lambda *given: (score(*given), likelihood(*given)))
    return run(Trained(variables(), 1.7), jnp.asarray(random_images()), depth_m)


@pytest.mark.parametrize("band_px", [1, 41 * 4 * 10, None])
def test_bands_change_nothing(band_px):
    """Of one row, of rows that do not divide the image, and all at once."""
    for found, expected in zip(
        jax.tree.leaves(scores_and_likelihoods(band_px=band_px)),
        jax.tree.leaves(scores_and_likelihoods()),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_no_array_has_all_bins_of_all_pixels():
    """By the compiled program, which takes less than the probabilities alone would."""
    step = PredictStep(posterior(), "expectation")
    predict_bytes = temporary_bytes(lambda x: step(Trained(variables()), x), "uint8")
    network_bytes = temporary_bytes(lambda x: NETWORK.apply(variables(), x), "float32")
    assert predict_bytes - network_bytes < 4 * 375 * 1242 * BINS.num_bins


def temporary_bytes(function, dtype):
    image = jax.ShapeDtypeStruct((1, 375, 1242, 3), dtype)
    compiled = jax.jit(function).lower(image).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_equal_steps_are_traced_once():
    traced = []

    class Counted(PredictStep):
        def __call__(self, *arguments, **options):
            traced.append(self.decode)
            return super().__call__(*arguments, **options)

    for decode in ("expectation", "expectation", "median"):
        run = Runner(Counted(posterior(), decode), 4)
        found = run(Trained(variables()), random_images())
        expected = predict(4, random_images(), decode=decode)
        np.testing.assert_array_equal(found.depth_m, expected.depth_m)
    assert traced == ["expectation", "median"]
