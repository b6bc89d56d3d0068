"""What is minimised, of every head, beside plain NumPy in double precision."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.config import TrainConfig
from deepdepth_jax.losses import cross_entropy, soft_cross_entropy, soft_targets
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.models.resampling import interpolation_matrix, resize_bilinear
from deepdepth_jax.training.objective import LOSSES, make_loss

BINS = DepthBins("sid", 8, 2.0, 50.0)
CHOICES = [
    (head, TrainConfig(loss=loss, soft_label_std=0.3, label_smoothing=0.2))
    for head, named in LOSSES.items()
    for loss in named
] + [("classification", TrainConfig(loss="cross_entropy", silog_weight=0.5))]
OVER_BINS = [each for each in CHOICES[:-1] if each[0] != "regression"]
EDGES_M = np.exp(np.linspace(np.log(2), np.log(50), 9))
CENTERS_M = (EDGES_M[1:] + EDGES_M[:-1]) / 2


def given(head, share=0.3):
    """Outputs of two images and depth, of which some is beyond the last bin."""
    rng = np.random.default_rng(0)
    outputs = 0.5 * rng.normal(size=(2, 4, 5, HEADS[head](BINS).channels))
    depth_m = rng.uniform(1, 60, (2, 25, 34)).astype(np.float32)
    depth_m[rng.random(depth_m.shape) >= share] = 0
    return outputs, depth_m


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def silog(errors):
    return 10 * np.sqrt(np.mean(errors**2) - 0.85 * np.mean(errors) ** 2)


def berhu(errors, bound):
    size = np.abs(errors)
    return np.where(size <= bound, size, (errors**2 + bound**2) / (2 * bound)).sum()


def of_image(options, outputs, truth_m, at):
    """Sums the loss of the pixels with depth of one image, as it is published.

    What is taken as given is that of the outputs `at`.
    """
    label = np.clip(np.searchsorted(EDGES_M, truth_m, side="right") - 1, 0, 7)
    log_p = np.log(softmax(outputs)) if outputs.shape[-1] == 8 else None
    if options.loss == "cross_entropy":
        loss = -np.take_along_axis(log_p, label[:, None], -1).sum()
        expected_m = np.exp(log_p) @ CENTERS_M
        errors = np.log(expected_m / truth_m)
        return loss + options.silog_weight * len(truth_m) * silog(errors)
    if options.loss == "soft_labels":
        off = np.log(CENTERS_M[label])[:, None] - np.log(CENTERS_M)
        return -(softmax(-(off**2) / (2 * 0.3**2)) * log_p).sum()
    if options.loss == "label_smoothing":
        off = np.abs(label[:, None] - np.arange(8))
        beside = (off == 1) / (off == 1).sum(-1, keepdims=True)
        return -((0.8 * (off == 0) + 0.2 * beside) * log_p).sum()
    if options.loss == "ordinal":
        beyond = 1 / (1 + np.exp(outputs[:, ::2] - outputs[:, 1::2]))
        is_beyond = np.arange(8) < label[:, None]
        return -np.log(np.where(is_beyond, beyond, 1 - beyond)).sum()
    errors, errors_at = (np.log(10 / truth_m) + x[:, 0] for x in (outputs, at))
    if options.loss == "silog":
        return len(truth_m) * silog(errors)
    return berhu(errors, np.abs(errors_at).max() / 5)


def by_hand(options, outputs, depth_m, at=None):
    at = outputs if at is None else at
    rows, columns = (
        interpolation_matrix(*sizes).astype(np.float64)
        for sizes in zip(outputs.shape[1:3], depth_m.shape[1:], strict=True)
    )
    full, full_at = (
        np.einsum("yh,xw,bhwc->byxc", rows, columns, x) for x in (outputs, at)
    )
    valid = (depth_m > 0) & (depth_m <= 50)
    return sum(
        of_image(options, full[i][valid[i]], depth_m[i][valid[i]], full_at[i][valid[i]])
        for i in range(len(depth_m))
    )


def title(value):
    return value if isinstance(value, str) else f"{value.loss}-{value.silog_weight}"


@functools.cache
def value_and_gradient(head, options):
    loss = make_loss(head, HEADS[head](BINS), options)
    return jax.jit(jax.value_and_grad(loss, has_aux=True))


@pytest.mark.parametrize(("head", "options"), CHOICES, ids=title)
def test_it_is_the_sum_over_the_pixels_that_have_depth(head, options):
    outputs, depth_m = given(head)
    (value, count), gradient = value_and_gradient(head, options)(
        jnp.float32(outputs), depth_m
    )
    assert count == np.count_nonzero((depth_m > 0) & (depth_m <= 50))
    assert float(value) == pytest.approx(by_hand(options, outputs, depth_m), rel=1e-5)
    for seed in range(3):
        way = np.random.default_rng(seed).normal(size=outputs.shape)
        ahead, behind = (
            by_hand(options, outputs + step * way, depth_m, at=outputs)
            for step in (1e-5, -1e-5)
        )
        slope = (ahead - behind) / 2e-5
        assert np.sum(gradient * way) == pytest.approx(slope, rel=2e-4, abs=1e-3)


@pytest.mark.parametrize(("head", "options"), OVER_BINS, ids=title)
def test_depth_beyond_the_last_bin_can_count_as_the_last_bin(head, options):
    outputs, depth_m = given(head)
    inside_m = np.where(depth_m > 50, np.float32(49.9), depth_m)
    assert np.any(inside_m != depth_m)
    inside, far = (
        make_loss(head, HEADS[head](BINS), dataclasses.replace(options, beyond=beyond))
        for beyond in ("ignore", "last_bin")
    )
    outputs = jnp.float32(outputs)
    expected = np.array(inside(outputs, inside_m))
    np.testing.assert_array_equal(np.array(far(outputs, depth_m)), expected)


@pytest.mark.parametrize("silog_weight", [0.0, 0.5])
def test_the_divergence_is_added_at_pseudo_labelled_pixels_alone(silog_weight):
    options = TrainConfig(loss="cross_entropy", silog_weight=silog_weight)
    outputs, depth_m = given("classification")
    head = HEADS["classification"](BINS)
    plain = make_loss("classification", head, options)
    options = dataclasses.replace(options, mrkld=0.1)
    regularised = make_loss("classification", head, options)
    outputs = jnp.float32(outputs)
    rows, columns = (
        interpolation_matrix(*sizes).astype(np.float64)
        for sizes in zip(outputs.shape[1:3], depth_m.shape[1:], strict=True)
    )
    full = np.einsum("yh,xw,hwc->yxc", rows, columns, outputs[1])
    p = softmax(full[(depth_m[1] > 0) & (depth_m[1] <= 50)])
    added = 0.1 * np.sum(-np.log(8) - np.log(p).mean(axis=-1))
    expected = float(plain(outputs, depth_m)[0])
    for is_pseudo, more in ((None, 0), ([False, False], 0), ([False, True], added)):
        marks = None if is_pseudo is None else np.array(is_pseudo)
        found, _ = regularised(outputs, depth_m, marks)
        assert float(found) == pytest.approx(expected + more, rel=1e-5)


def test_pseudo_labels_are_soft_and_others_are_not():
    stds = tuple(np.linspace(0.05, 0.6, 8).tolist())
    outputs, depth_m = given("classification")
    outputs, head = jnp.float32(outputs), HEADS["classification"](BINS)

    def loss(marks, **options):
        options = TrainConfig(loss="cross_entropy", **options)
        found = make_loss("classification", head, options)(outputs, depth_m, marks)
        return np.array(found)

    hard, soft = loss(None), loss(np.array([True, True]), pseudo_label_std=stds)
    mixed = loss(np.array([False, True]), pseudo_label_std=stds)
    none = loss(np.array([False, False]), pseudo_label_std=stds)
    np.testing.assert_allclose(none, hard)
    np.testing.assert_allclose(loss(None, pseudo_label_std=stds), hard)
    labels = BINS.label(depth_m)
    full = resize_bilinear(outputs, depth_m.shape[1:])
    of_label = np.stack([soft_targets(BINS, std)[k] for k, std in enumerate(stds)])
    per_pixel = np.asarray(soft_cross_entropy(full, labels, of_label))
    hards = np.asarray(cross_entropy(full, labels))
    assert soft[0] == pytest.approx(per_pixel.sum(), rel=1e-5)
    assert mixed[0] == pytest.approx(hards[0].sum() + per_pixel[1].sum(), rel=1e-5)
    assert soft[1] == mixed[1] == hard[1]


@pytest.mark.parametrize(("head", "options"), CHOICES, ids=title)
def test_it_is_0_where_there_is_no_depth_and_pulls_at_nothing(head, options):
    outputs, depth_m = given(head, share=0.0)
    (value, count), gradient = value_and_gradient(head, options)(
        jnp.float32(outputs), depth_m
    )
    assert value == count == 0
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize(("head", "options"), CHOICES, ids=title)
def test_following_it_brings_depth_to_the_truth(head, options):
    """One pixel of the output for each of the image, some hundred steps downhill."""
    of = HEADS[head](BINS)
    truth_m = jnp.array([[[2.6, 4.0, 9.0, 30.0, 45.0]]])
    loss = make_loss(head, of, options)

    def step(_, outputs):
        gradient, _ = jax.grad(loss, has_aux=True)(outputs, truth_m)
        return outputs - 0.1 * jnp.clip(gradient, -1, 1)

    start = jnp.zeros((1, 1, 5, of.channels))
    outputs = jax.jit(lambda x: jax.lax.fori_loop(0, 200, step, x))(start)
    found = of.depth_m(of.posterior(of.scores(outputs)), "median")[0]
    np.testing.assert_allclose(found, truth_m[0], rtol=0.35)
