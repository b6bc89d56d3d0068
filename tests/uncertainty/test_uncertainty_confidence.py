import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from deepdepth_jax import uncertainty
from deepdepth_jax.bins import DepthBins
from deepdepth_jax.uncertainty.confidence import (
    log_depth_moments,
    max_probability,
    measure_confidence,
)

SID = DepthBins("sid", 71, 1.0, 80.0)
UD = DepthBins("ud", 40, 2.0, 80.0)
UD_FROM_ZERO = DepthBins("ud", 10, 0.0, 80.0)


def distributions(bins, count=20, seed=0):
    """Distributions from nearly one-hot to nearly even, with empty bins."""
    rng = np.random.default_rng(seed)
    sharpness = np.linspace(0.1, 6, count)[:, None]
    logits = sharpness * rng.normal(size=(count, bins.num_bins))
    logits[rng.uniform(size=logits.shape) < 0.2] = -np.inf
    probabilities = np.exp(logits)
    return (probabilities / probabilities.sum(-1, keepdims=True)).astype(np.float32)


def test_certainty_leaves_the_resolution_of_the_bins():
    measured = measure_confidence(jnp.eye(71), SID)
    width = math.log(80) / 71
    np.testing.assert_array_equal(measured.max_probability, 1)
    np.testing.assert_array_equal(measured.entropy_nats, 0)
    np.testing.assert_allclose(measured.log_depth_std, width / 12**0.5, rtol=1e-5)
    bin_ = np.arange(71)
    np.testing.assert_allclose(measured.low_m, SID.depth_at(bin_ + 0.05), rtol=1e-5)
    np.testing.assert_allclose(measured.high_m, SID.depth_at(bin_ + 0.95), rtol=1e-5)


def test_ignorance_is_the_log_uniform_distribution():
    measured = measure_confidence(jnp.full(71, 1 / 71), SID)
    depth = scipy.stats.loguniform(1, 80)
    log_depth = scipy.stats.uniform(0, math.log(80))
    assert measured.max_probability == pytest.approx(1 / 71)
    assert measured.entropy_nats == pytest.approx(math.log(71), rel=1e-5)
    assert measured.log_depth_std == pytest.approx(log_depth.std(), rel=1e-5)
    assert measured.low_m == pytest.approx(depth.ppf(0.05), rel=1e-4)
    assert measured.high_m == pytest.approx(depth.ppf(0.95), rel=1e-4)


def test_any_distribution_agrees_with_scipys_histogram():
    probabilities = distributions(SID)
    measured = measure_confidence(jnp.asarray(probabilities), SID)
    log_edges = np.linspace(0, math.log(80), 72)
    for index, p in enumerate(probabilities.astype(np.float64)):
        log_depth = scipy.stats.rv_histogram((p, log_edges), density=False)
        found = [part[index] for part in measured]
        expected = [
            p.max(),
            scipy.stats.entropy(p),
            log_depth.std(),
            math.exp(log_depth.ppf(0.05)),
            math.exp(log_depth.ppf(0.95)),
        ]
        np.testing.assert_allclose(found, expected, rtol=2e-4)


@pytest.mark.parametrize(("bins", "tolerance"), [(UD, 1e-4), (UD_FROM_ZERO, 5e-3)])
def test_uniform_bins_spread_evenly_over_depth(bins, tolerance):
    probabilities = distributions(bins)
    measured = measure_confidence(jnp.asarray(probabilities), bins)
    quantiles = (np.arange(200_000) + 0.5) / 200_000
    for index in (0, 10, 19):
        p = probabilities[index].astype(np.float64)
        depth = scipy.stats.rv_histogram((p, bins.edges_m), density=False)
        expected = np.log(depth.ppf(quantiles)).std()
        assert measured.log_depth_std[index] == pytest.approx(expected, rel=tolerance)
        assert measured.low_m[index] == pytest.approx(depth.ppf(0.05), rel=1e-3)


def test_moments_of_sid_bins_are_known():
    means, variances = log_depth_moments(SID)
    np.testing.assert_allclose(means, np.log(SID.geometric_centers_m), atol=1e-5)
    np.testing.assert_allclose(variances, (math.log(80) / 71) ** 2 / 12, rtol=1e-5)


def test_float32_keeps_the_spread_of_far_narrow_peaks():
    bins = DepthBins("sid", 254, 70.0, 80.0)
    peak = np.zeros(254, np.float32)
    peak[[250, 251]] = 0.5
    width = math.log(80 / 70) / 254
    # Two whole bins side by side are one even distribution of twice the width.
    measured = measure_confidence(jnp.asarray(peak), bins)
    assert measured.log_depth_std == pytest.approx(2 * width / 12**0.5, rel=2e-3)


def test_compiled_and_batched_it_is_the_same():
    flat = jnp.asarray(distributions(SID, 12))
    expected = measure_confidence(flat, SID)
    compiled = jax.jit(lambda p: measure_confidence(p, SID))
    batched = compiled(flat.reshape(2, 3, 2, 71))
    for one, other in zip(batched, expected, strict=True):
        assert one.shape == (2, 3, 2)
        np.testing.assert_allclose(one.ravel(), other, rtol=1e-5)


def test_the_highest_probability_is_at_hand_in_the_package():
    assert uncertainty.max_probability is max_probability
    np.testing.assert_array_equal(
        max_probability(jnp.array([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])),
        np.array([0.7, 0.5], np.float32),
    )
