import math
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.uncertainty.calibration import (
    Calibration,
    PixelScores,
    score_pixels,
)

BINS = DepthBins("sid", 16, 1.0, 80.0)
score = jax.jit(lambda p, depth_m: score_pixels(p, depth_m, BINS))


def world(count=20_000, seed=0):
    """Logits, and depths drawn from exactly the distributions that they stand for."""
    rng = np.random.default_rng(seed)
    center = rng.uniform(0, 16, (count, 1))
    width = rng.uniform(0.4, 3, (count, 1))
    logits = -(((np.arange(16) + 0.5 - center) / width) ** 2)
    until = scipy.special.softmax(logits, axis=-1).cumsum(-1)
    bin_ = (rng.uniform(size=(count, 1)) * until[:, -1:] > until).sum(-1)
    depth_m = BINS.depth_at(bin_ + rng.uniform(size=count))
    return logits.astype(np.float32), np.asarray(depth_m, np.float32)


def measured(logits, depth_m):
    calibration = Calibration()
    calibration.add(score(jax.nn.softmax(jnp.asarray(logits)), jnp.asarray(depth_m)))
    return calibration


def test_a_calibrated_network_scores_as_one():
    logits, depth_m = world()
    calibration = measured(logits, depth_m)
    values = calibration.compute()
    entropy = scipy.stats.entropy(scipy.special.softmax(logits, -1), axis=-1).mean()
    assert values["nll"] == pytest.approx(entropy, abs=0.02)
    assert values["ece"] < 0.015
    assert values["coverage_90"] == pytest.approx(0.9, abs=0.01)
    points = calibration.reliability()
    many = points.pixels > 500
    assert many.sum() > 5
    np.testing.assert_allclose(
        points.accuracy[many], points.max_probability[many], atol=0.06
    )


@pytest.mark.parametrize(("factor", "surer"), [(3.0, True), (0.3, False)])
def test_too_sure_and_too_modest_are_told_apart(factor, surer):
    logits, depth_m = world()
    right = measured(logits, depth_m).compute()
    calibration = measured(factor * logits, depth_m)
    wrong = calibration.compute()
    assert wrong["nll"] > right["nll"] + 0.1
    assert wrong["ece"] > 0.15
    assert (wrong["coverage_90"] < 0.8) if surer else (wrong["coverage_90"] > 0.97)
    points = calibration.reliability()
    gap = np.nansum(points.pixels * (points.max_probability - points.accuracy))
    assert (gap > 0) == surer


def test_measures_equal_a_plain_reimplementation():
    logits, depth_m = world(400, seed=3)
    depth_m[::7] = 0
    depth_m[5] = 81.0
    depth_m[6] = 0.5  # nearer than the first bin: labelled, and never covered
    edges = np.asarray(BINS.edges_m, np.float64)
    nll, covered, bins = [], [], {}
    for z, d in zip(logits.astype(np.float64), depth_m, strict=True):
        if d <= 0 or d > 80:
            continue
        p = scipy.special.softmax(z)
        label = max(int(np.sum(edges <= d)) - 1, 0)
        nll.append(-math.log(p[label]))
        log_depth = scipy.stats.rv_histogram((p, np.log(edges)), density=False)
        low, high = np.exp(log_depth.ppf([0.05, 0.95]))
        covered.append(low <= d <= high)
        index = math.ceil(p.max() * 15)
        bins.setdefault(index, []).append((p.max(), p.argmax() == label))
    ece = sum(
        len(pixels)
        * abs(np.mean([c for _, c in pixels]) - np.mean([m for m, _ in pixels]))
        for pixels in bins.values()
    ) / len(nll)
    calibration = measured(logits, depth_m)
    assert calibration.compute() == pytest.approx(
        {"nll": np.mean(nll), "ece": ece, "coverage_90": np.mean(covered)}, rel=1e-4
    )
    points = calibration.reliability()
    for index in range(1, 16):
        pixels = bins.get(index, [])
        assert points.pixels[index - 1] == len(pixels)
        if pixels:
            highest, accuracy = np.mean(pixels, axis=0)
            assert points.max_probability[index - 1] == pytest.approx(highest, rel=1e-5)
            assert points.accuracy[index - 1] == pytest.approx(accuracy)
        else:
            assert math.isnan(points.accuracy[index - 1])
            assert math.isnan(points.max_probability[index - 1])


def test_golden_error_and_bins():
    scores = PixelScores(
        valid=np.array([True, True, True, True, False]),
        nll=np.array([1.0, 2.0, 3.0, 4.0, 99.0]),
        max_probability=np.array([1.0, 0.95, 3 / 15, 0.05, 0.01]),
        correct=np.array([True, False, True, False, True]),
        covered=np.array([True, True, True, False, True]),
    )
    calibration = Calibration()
    calibration.add(scores)
    # A bin holds its upper edge, as in the paper: 3/15 is in the third.
    assert calibration.pixels.tolist() == [1, 0, 1, *[0] * 11, 2]
    # |1 - 1.95| + |1 - .2| + |0 - .05|, over 4 pixels.
    assert calibration.compute() == pytest.approx(
        {"nll": 2.5, "ece": (0.95 + 0.8 + 0.05) / 4, "coverage_90": 0.75}
    )


def test_image_by_image_is_all_at_once():
    logits, depth_m = world(3000, seed=1)
    depth_m[::3] = 0
    together = measured(logits, depth_m)
    apart = [Calibration(), Calibration()]
    for index, part in enumerate(np.split(np.arange(3000), 5)):
        p = jax.nn.softmax(jnp.asarray(logits[part])).reshape(20, 30, 16)
        depth = jnp.asarray(depth_m[part].reshape(20, 30))
        apart[index % 2].add(score(p, depth))
    joined = jax.tree.map(operator.add, *apart)
    assert joined.compute() == pytest.approx(together.compute(), rel=1e-6)
    np.testing.assert_array_equal(joined.pixels, together.pixels)
    assert joined.pixels.sum() == 2000
    np.testing.assert_array_equal(apart[0].pixels + apart[1].pixels, joined.pixels)


def test_a_probability_of_zero_is_bad_and_not_infinite():
    scores = score(jnp.eye(16), jnp.full(16, 1.01))
    assert scores.nll[0] == 0
    np.testing.assert_allclose(scores.nll[1:], 126 * math.log(2), rtol=1e-6)
    np.testing.assert_array_equal(scores.correct, np.arange(16) == 0)


def test_nothing_counted_is_nan():
    calibration = measured(np.zeros((4, 16), np.float32), np.zeros(4, np.float32))
    assert all(math.isnan(value) for value in calibration.compute().values())
    assert calibration.reliability().pixels.sum() == 0
