"""The losses beside their published formulas, worked out by hand and in plain NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from deepdepth_jax.bins import IGNORE, DepthBins
from deepdepth_jax.losses import (
    berhu_sum,
    cross_entropy,
    log_error,
    ordinal,
    silog_sum,
    smoothed_targets,
    soft_cross_entropy,
    soft_targets,
    uniform_divergence,
)

BINS = DepthBins("sid", 12, 1.0, 80.0)
LOGITS = jnp.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [5.0, -5.0, 0.0]])
LABELS = jnp.array([2, 0, IGNORE], jnp.int32)


def test_golden_values():
    # -log(e^3 / (e + e^2 + e^3)) and log 3, worked out by hand.
    expected = [0.40760596, 1.09861229, 0.0]
    np.testing.assert_allclose(cross_entropy(LOGITS, LABELS), expected, rtol=1e-6)


def test_the_divergence_from_uniform_is_0_there_and_else_that_of_the_definition():
    found = uniform_divergence(LOGITS, LABELS)
    p = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    by_definition = sum(1 / 3 * np.log(1 / 3 / each) for each in p)
    np.testing.assert_allclose(found, [by_definition, 0, 0], rtol=1e-5, atol=1e-7)

    def divergence(logits):
        return uniform_divergence(jnp.asarray(logits), LABELS)

    check_grads(divergence, (LOGITS,), order=1, modes=["rev"])


def test_gradient_is_the_derivative():
    def loss(logits):
        return cross_entropy(jnp.asarray(logits), LABELS)

    check_grads(loss, (LOGITS,), order=1, modes=["rev"])


def test_ignored_pixels_give_no_gradient():
    logits = LOGITS.at[2].set(jnp.array([1e30, -1e30, 0.0]))
    gradient = jax.grad(lambda x: cross_entropy(x, LABELS).sum())(logits)
    np.testing.assert_array_equal(gradient[2], 0)
    np.testing.assert_allclose(
        gradient[:2], [[0.09003, 0.24473, -0.33476], [-2 / 3, 1 / 3, 1 / 3]], atol=1e-5
    )


def test_sum_over_all_equals_sum_over_valid():
    key = jax.random.key(0)
    logits = jax.random.normal(key, (4, 5, 7)) * 9
    labels = jax.random.randint(key, (4, 5), 0, 7)
    labels = jnp.where(jax.random.bernoulli(key, 0.4, (4, 5)), labels, IGNORE)
    valid = np.asarray(labels != IGNORE)
    picked = cross_entropy(logits[valid], labels[valid])
    np.testing.assert_allclose(
        cross_entropy(logits, labels).sum(), picked.sum(), rtol=1e-6
    )


def test_everything_ignored_is_zero_and_not_nan():
    labels = jnp.full((3,), IGNORE, jnp.int32)
    assert cross_entropy(LOGITS, labels).sum() == 0


# Labels that are distributions.


def drawn(bins=12, count=200, seed=0):
    """Logits and labels, a third of these ignored."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(count, bins)).astype(np.float32)
    labels = rng.integers(0, bins, count).astype(np.int32)
    labels[rng.random(count) < 1 / 3] = IGNORE
    return jnp.asarray(logits), jnp.asarray(labels)


def log_softmax(logits):
    logits = np.asarray(logits, np.float64)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_soft_labels_are_the_papers():
    """Softmax of minus the squared difference of the logarithms, not weighed."""
    centers = (BINS.edges_m[:-1].astype(np.float64) + BINS.edges_m[1:]) / 2
    for label in range(12):
        weights = np.exp(-((np.log(centers[label]) - np.log(centers)) ** 2))
        found = soft_targets(BINS, std=0.5**0.5)[label]
        np.testing.assert_allclose(found, weights / weights.sum(), rtol=1e-5)


def test_soft_labels_have_the_standard_deviation_that_is_asked_for():
    bins = DepthBins("sid", 200, 0.1, 1000.0)
    log_centers = np.log(bins.centers_m)
    row = soft_targets(bins, std=0.3)[100].astype(np.float64)
    variance = row @ (log_centers - row @ log_centers) ** 2
    assert variance**0.5 == pytest.approx(0.3, rel=1e-3)
    sharp = soft_targets(bins, std=1e-3)
    np.testing.assert_allclose(sharp, np.eye(200), atol=1e-6)


def test_uniform_bins_have_softer_labels_where_they_are_narrower_in_log_depth():
    targets = soft_targets(DepthBins("ud", 20, 0.0, 80.0), std=0.1)
    assert (np.diff(np.diag(targets))[:-4] < 0).all()  # the last have no neighbours
    assert np.isfinite(targets).all()


def test_smoothed_labels_golden():
    found = smoothed_targets(DepthBins(num_bins=4), smoothing=0.2)
    expected = [
        [0.8, 0.2, 0.0, 0.0],
        [0.1, 0.8, 0.1, 0.0],
        [0.0, 0.1, 0.8, 0.1],
        [0.0, 0.0, 0.2, 0.8],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "targets", [soft_targets(BINS, 0.3), smoothed_targets(BINS, 0.1)]
)
def test_soft_cross_entropy_is_the_formula_with_zero_where_ignored(targets):
    logits, labels = drawn()
    valid = np.asarray(labels) != IGNORE
    rows = targets[np.asarray(labels)[valid]]
    expected = np.zeros(len(labels))
    expected[valid] = -(rows * log_softmax(logits)[valid]).sum(-1)
    found = soft_cross_entropy(logits, labels, targets)
    np.testing.assert_allclose(found, expected, rtol=1e-5)

    def loss(logits):
        return soft_cross_entropy(jnp.asarray(logits), labels[:9], targets)

    check_grads(loss, (logits[:9],), order=1, modes=["rev"], eps=1e-2, rtol=1e-2)


def test_certain_labels_are_cross_entropy():
    logits, labels = drawn()
    certain = np.eye(12, dtype=np.float32)
    np.testing.assert_allclose(
        soft_cross_entropy(logits, labels, certain),
        cross_entropy(logits, labels),
        rtol=1e-5,
        atol=1e-6,
    )


# DORN.


def test_ordinal_golden():
    """Label 1 of 3: beyond bin 0, not beyond 1 and 2; ln(1 + e^-x), by hand."""
    beyond = jnp.array([[2.0, -1.0, 0.0], [2.0, -1.0, 0.0], [1e30, -1e30, 0.0]])
    labels = jnp.array([1, 0, IGNORE], jnp.int32)
    expected = [0.12692801 + 0.31326169 + 0.69314718, 2.12692801 + 1.00640887, 0.0]
    np.testing.assert_allclose(ordinal(beyond, labels), expected, rtol=1e-6)


def test_ordinal_is_the_published_formula():
    beyond, labels = drawn(seed=1)
    probability = 1 / (1 + np.exp(-np.asarray(beyond, np.float64)))
    for found, p, label in zip(
        ordinal(beyond, labels), probability, np.asarray(labels), strict=True
    ):
        psi = np.log(p[:label]).sum() + np.log(1 - p[label:]).sum()
        assert found == pytest.approx(0.0 if label == IGNORE else -psi, rel=1e-5)

    def loss(beyond):
        return ordinal(jnp.asarray(beyond), labels[:9])

    check_grads(loss, (beyond[:9],), order=1, modes=["rev"], eps=1e-2, rtol=1e-2)


# Errors of log depth.


def errors(batch=3, share=0.4):
    """Errors of three images, of which the last has no truth at all."""
    rng = np.random.default_rng(2)
    valid = rng.random((batch, 9, 11)) < share
    valid[-1] = False
    drawn = rng.normal(0.2, 0.5, valid.shape).astype(np.float32)
    return np.where(valid, drawn, 0), valid


def sums(of, valid):
    return (
        jnp.sum(of, axis=(1, 2)),
        jnp.sum(of**2, axis=(1, 2)),
        jnp.sum(valid, axis=(1, 2), dtype=jnp.float32),
    )


def test_silog_golden():
    """e = 1, 2: 10 sqrt(2.5 - 0.85 * 1.5^2), twice, for two pixels."""
    found = silog_sum(jnp.array([3.0]), jnp.array([5.0]), jnp.array([2.0]))
    assert found == pytest.approx(2 * 10 * (2.5 - 0.85 * 2.25) ** 0.5, rel=1e-6)


def test_silog_is_the_published_formula_of_each_image():
    of, valid = errors()
    expected = 0.0
    for image, counts in zip(of.astype(np.float64), valid, strict=True):
        if counts.any():
            e = image[counts]
            silog = 10 * np.sqrt(np.mean(e**2) - 0.85 * np.mean(e) ** 2)
            expected += len(e) * silog
    assert silog_sum(*sums(of, valid)) == pytest.approx(expected, rel=1e-5)


def test_berhu_golden():
    """The largest is 5, so c is 1: |e| up to 1, then (e^2 + 1) / 2."""
    of = jnp.array([[[0.5, -1.0, 3.0, -5.0, 0.0]]])
    assert berhu_sum(of, of != 0) == pytest.approx(0.5 + 1 + 5 + 13, rel=1e-6)


def test_berhu_is_the_published_formula_of_each_image():
    of, valid = errors()
    expected = 0.0
    for image, counts in zip(of.astype(np.float64), valid, strict=True):
        if counts.any():
            e = np.abs(image[counts])
            c = e.max() / 5
            expected += np.where(e <= c, e, (e**2 + c**2) / (2 * c)).sum()
    assert berhu_sum(jnp.asarray(of), jnp.asarray(valid)) == pytest.approx(expected)


def test_silogs_gradient_is_the_derivative():
    of, valid = errors()

    def silog(of):
        return silog_sum(*sums(jnp.asarray(of), valid))

    check_grads(silog, (of,), order=1, modes=["rev"], eps=1e-2, rtol=1e-2)


def test_berhus_gradient_takes_a_fifth_of_the_largest_error_as_given():
    of, valid = errors()
    gradient = jax.grad(berhu_sum)(jnp.asarray(of), jnp.asarray(valid))
    bound = np.abs(of).max((1, 2), keepdims=True) / 5
    expected = np.where(np.abs(of) <= bound, np.sign(of), of / np.maximum(bound, 1e-9))
    np.testing.assert_allclose(gradient[valid], expected[valid], rtol=1e-5)
    np.testing.assert_array_equal(gradient[~valid], 0)


def test_no_error_and_no_truth_are_0_and_have_a_gradient():
    nothing = jnp.zeros((2, 3, 4))
    valid = jnp.zeros((2, 3, 4), bool).at[0].set(True)
    silog, gradient = jax.value_and_grad(lambda x: silog_sum(*sums(x, valid)))(nothing)
    assert float(silog) == pytest.approx(0, abs=2e-4)
    np.testing.assert_array_equal(gradient, 0)
    berhu, gradient = jax.value_and_grad(berhu_sum)(nothing, valid)
    assert berhu == 0
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[1], 0)


def test_the_error_of_log_depth():
    found = log_error(
        jnp.log(jnp.array([4.0, 3.0])), jnp.array([2.0, 0.0]), jnp.array([True, False])
    )
    np.testing.assert_allclose(found, [np.log(2), 0], rtol=1e-6)
