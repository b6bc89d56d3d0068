import math

import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.metrics import (
    METRICS,
    MetricMeans,
    crop_window,
    depth_metrics,
    evaluated_pixels,
)


def plain_metrics(prediction, truth, *, cap, least, rows, columns):
    """Written anew, pixel by pixel, from the field's definitions."""
    pairs = []
    for r in range(*rows):
        for c in range(*columns):
            g = float(truth[r, c])
            if least < g < cap:
                pairs.append((min(max(float(prediction[r, c]), least), cap), g))
    if not pairs:
        return dict.fromkeys(METRICS, math.nan)
    n = len(pairs)
    logs = [math.log(d) - math.log(g) for d, g in pairs]
    mean_log = sum(logs) / n
    spread = math.sqrt(sum((e - mean_log) ** 2 for e in logs) / n)
    worse = [max(d / g, g / d) for d, g in pairs]
    return {
        "abs_rel": sum(abs(d - g) / g for d, g in pairs) / n,
        "sq_rel": sum((d - g) ** 2 / g for d, g in pairs) / n,
        "rmse": math.sqrt(sum((d - g) ** 2 for d, g in pairs) / n),
        "rmse_log": math.sqrt(sum(e * e for e in logs) / n),
        "si_rmse_log": spread,
        "silog": 100 * spread,
        "log10": sum(abs(math.log10(d) - math.log10(g)) for d, g in pairs) / n,
        "d1": sum(w < 1.25 for w in worse) / n,
        "d2": sum(w < 1.25**2 for w in worse) / n,
        "d3": sum(w < 1.25**3 for w in worse) / n,
        "irmse": math.sqrt(sum((1e3 / d - 1e3 / g) ** 2 for d, g in pairs) / n),
        "sq_rel_kitti": sum(((d - g) / g) ** 2 for d, g in pairs) / n,
    }


def maps(seed, height=40, width=90):
    rng = np.random.default_rng(seed)
    truth = np.exp(rng.uniform(-1, 5, (height, width))).astype(np.float32)
    truth[rng.uniform(size=truth.shape) < 0.7] = 0
    prediction = truth * np.exp(rng.normal(0, 0.3, truth.shape)) + 0.01
    return prediction.astype(np.float32), truth


@pytest.mark.parametrize(
    ("crop", "rows", "columns"),
    [
        ("none", (0, 40), (0, 90)),
        ("garg", (16, 39), (3, 86)),
        ("eigen", (13, 36), (3, 86)),
    ],
)
@pytest.mark.parametrize("cap_m", [80.0, 50.0])
def test_metrics_equal_a_plain_reimplementation(crop, rows, columns, cap_m):
    prediction, truth = maps(0)
    expected = plain_metrics(
        prediction, truth, cap=cap_m, least=1e-3, rows=rows, columns=columns
    )
    measured = depth_metrics(prediction, truth, cap_m=cap_m, crop=crop)
    assert measured == pytest.approx(expected, rel=1e-6)


def test_jax_arrays_give_the_same():
    prediction, truth = maps(1)
    assert depth_metrics(jnp.array(prediction), jnp.array(truth)) == depth_metrics(
        prediction, truth
    )


def test_a_perfect_prediction():
    _, truth = maps(2)
    metrics = depth_metrics(truth, truth, crop="none")
    assert metrics["abs_rel"] == metrics["rmse"] == metrics["silog"] == 0
    assert metrics["d1"] == 1


def test_a_wrong_scale_leaves_the_scale_invariant_error_alone():
    _, truth = maps(3)
    metrics = depth_metrics(truth * 1.1, truth, crop="none", cap_m=60.0)
    inside = truth[(truth > 0) & (truth < 60)]
    assert inside.max() * 1.1 > 60  # so that clipping to the cap is part of it
    unclipped = depth_metrics(truth * 1.1, np.where(truth < 50, truth, 0), crop="none")
    assert unclipped["si_rmse_log"] == pytest.approx(0, abs=1e-6)
    assert unclipped["rmse_log"] == pytest.approx(math.log(1.1), rel=1e-5)
    assert metrics["rmse_log"] < math.log(1.1)


@pytest.mark.parametrize("truth_value", [0.0, 80.0, 90.0])
def test_no_pixel_that_counts_gives_nan(truth_value):
    truth = np.full((20, 30), truth_value, np.float32)
    metrics = depth_metrics(np.ones_like(truth), truth)
    assert tuple(metrics) == METRICS
    assert all(math.isnan(value) for value in metrics.values())


def test_a_single_pixel():
    truth = np.zeros((375, 1242), np.float32)
    truth[200, 600] = 10
    metrics = depth_metrics(np.full_like(truth, 12), truth)
    assert metrics["abs_rel"] == pytest.approx(0.2)
    assert metrics["si_rmse_log"] == 0


def test_golden_errors_of_kittis_server():
    """At 20 m for 10 m: 1/20 m - 1/10 m is 50 in 1/km; (10/10)^2 is 1."""
    truth = np.full((4, 4), 10, np.float32)
    metrics = depth_metrics(2 * truth, truth, crop="none")
    assert metrics["irmse"] == pytest.approx(50)
    assert metrics["sq_rel_kitti"] == pytest.approx(1)
    assert metrics["sq_rel"] == pytest.approx(10)


def test_a_prediction_that_is_nan_is_no_missing_ground_truth():
    """Where no pixel counts, all is NaN whatever the prediction is."""
    truth = np.zeros((4, 4), np.float32)
    prediction = np.full((4, 4), np.nan, np.float32)
    assert math.isnan(depth_metrics(prediction, truth, crop="none")["abs_rel"])
    prediction[1:] = 9
    truth[2, 2] = 9
    assert depth_metrics(prediction, truth, crop="none")["abs_rel"] == 0
    truth[0, :2] = 9
    with pytest.raises(ValueError, match="NaN at 2 pixels that count"):
        depth_metrics(prediction, truth, crop="none")


def test_a_ratio_of_exactly_the_threshold_is_not_within_it():
    """As depths of 16 bits have it often; rounding must not let some of them pass."""
    near = (np.arange(4, 16380, 4, dtype=np.float32) / 256)[None]
    far = near * 1.25
    assert depth_metrics(far, near, crop="none")["d1"] == 0
    assert depth_metrics(near, far, crop="none")["d1"] == 0
    assert depth_metrics(near, far, crop="none")["d2"] == 1


def test_golden_crops_of_kitti():
    assert crop_window("garg", 375, 1242) == (slice(153, 371), slice(44, 1197))
    assert crop_window("eigen", 375, 1242) == (slice(124, 342), slice(44, 1197))
    assert crop_window("none", 375, 1242) == (slice(0, 375), slice(0, 1242))


def test_an_unknown_crop_is_refused():
    with pytest.raises(ValueError, match="crop='kb': must be"):
        crop_window("kb", 375, 1242)


def test_the_cap_and_the_least_depth_are_left_out():
    truth = np.array([[1e-3, 0.5, 79.9, 80.0]], np.float32)
    counts = evaluated_pixels(truth, cap_m=80.0, min_m=1e-3, crop="none")
    np.testing.assert_array_equal(counts, [[False, True, True, False]])


def test_means_are_over_images_and_not_over_pixels():
    means = MetricMeans()
    full = np.full((4, 4), 10, np.float32)
    sparse = np.zeros((4, 4), np.float32)
    sparse[0, 0] = 10
    means.add(depth_metrics(full * 1.1, full, crop="none"))
    means.add(depth_metrics(full * 1.3, sparse, crop="none"))
    means.add(depth_metrics(full, np.zeros_like(full), crop="none"))
    assert means.compute()["abs_rel"] == pytest.approx(0.2, rel=1e-5)
    assert means.images == 2
    assert means.images_without_ground_truth == 1


def test_means_of_nothing_are_nan():
    assert all(math.isnan(value) for value in MetricMeans().compute().values())
