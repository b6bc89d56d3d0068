import dataclasses

import numpy as np
import pytest

from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.evaluation.regions import REGIONS, SECTIONS, distance_range
from deepdepth_jax.geometry.edges import near_edges

PROTOCOL = Protocol(
    dataset="kitti",
    split="test",
    ground_truth="improved",
    crop="garg",
    cap_m=80.0,
    min_m=1e-3,
    flip=False,
    scales=(1.0,),
    window=(0, 0),
    decode="argmax",
)


def depths_m(seed=0, size=(60, 90)):
    rng = np.random.default_rng(seed)
    truth_m = np.exp(rng.uniform(0, np.log(100), size)).astype(np.float32)
    truth_m[rng.random(size) < 0.7] = 0
    prediction_m = np.exp(rng.uniform(0, np.log(100), size)).astype(np.float32)
    return prediction_m, truth_m


def test_a_median_scaled_prediction_has_the_median_of_the_truth_where_it_counts():
    prediction_m, truth_m = depths_m()
    counts = PROTOCOL.evaluated(truth_m)
    scaled_m = PROTOCOL.median_scaled(prediction_m, truth_m)
    assert np.median(scaled_m[counts]) == pytest.approx(np.median(truth_m[counts]))
    assert np.ptp(scaled_m / prediction_m) == pytest.approx(0, abs=1e-6)
    assert np.median(scaled_m) != pytest.approx(np.median(truth_m[truth_m > 0]))


def test_without_ground_truth_there_is_nothing_to_scale_by():
    prediction_m, truth_m = depths_m()
    np.testing.assert_array_equal(
        PROTOCOL.median_scaled(prediction_m, np.zeros_like(truth_m)), prediction_m
    )


def test_a_prediction_that_only_lacks_scale_is_perfect_when_scaled():
    _, truth_m = depths_m()
    scaled_m = PROTOCOL.median_scaled(truth_m * np.float32(0.37), truth_m)
    assert PROTOCOL.measure(scaled_m, truth_m)["abs_rel"] < 1e-6


def test_ranges_of_distance_share_out_the_pixels_that_count():
    prediction_m, truth_m = depths_m()
    counts = PROTOCOL.evaluated(truth_m)
    total = 0.0
    for low, high in ((0.0, 10.0), (10.0, 20.0), (20.0, 40.0), (40.0, 80.0)):
        inside = counts & (truth_m >= low) & (truth_m < high)
        among = REGIONS[f"{low:g}-{high:g} m"](truth_m)
        found = PROTOCOL.measure(prediction_m, truth_m, among)["abs_rel"]
        # Predictions are clipped to the protocol's range, not to that of the truth.
        error = np.abs(np.clip(prediction_m, 1e-3, 80) - truth_m)[inside]
        assert found == pytest.approx((error / truth_m[inside]).mean(), rel=1e-5)
        total += found * inside.sum()
    whole = PROTOCOL.measure(prediction_m, truth_m)["abs_rel"]
    assert total / counts.sum() == pytest.approx(whole, rel=1e-6)


def test_a_range_without_a_pixel_is_not_a_number():
    prediction_m, truth_m = depths_m()
    truth_m[truth_m > 40] = 0
    far = distance_range(40.0, 80.0)(truth_m)
    assert np.isnan(PROTOCOL.measure(prediction_m, truth_m, far)["rmse"])


@pytest.mark.parametrize("section", SECTIONS)
def test_every_pixel_that_counts_is_in_one_part_of_each_section(section):
    _, truth_m = depths_m()
    parts = [region(truth_m) for region in SECTIONS[section].values()]
    counts = PROTOCOL.evaluated(truth_m)
    np.testing.assert_array_equal(sum(parts, np.zeros(truth_m.shape, int))[counts], 1)


def test_a_mistake_at_a_step_counts_near_edges_alone():
    truth_m = np.full((60, 90), 10, np.float32)
    truth_m[:, 45:] = 30
    prediction_m = truth_m.copy()
    prediction_m[:, 45:48] = 10  # the near thing is seen too wide
    found = {
        name: PROTOCOL.measure(prediction_m, truth_m, region(truth_m))["abs_rel"]
        for name, region in SECTIONS["by_edge"].items()
    }
    assert near_edges(truth_m)[0].nonzero()[0].tolist() == list(range(41, 49))
    assert found["near edges"] == pytest.approx(3 / 8 * 2 / 3)
    assert found["away from edges"] == 0


def test_the_title_says_what_is_not_usual():
    assert str(PROTOCOL) == (
        "kitti test, improved ground truth, crop garg, cap 80 m, decoded by argmax"
    )
    unusual = dataclasses.replace(
        PROTOCOL, flip=True, scales=(0.75, 1.0), window=(128, 256)
    )
    assert str(unusual).endswith(
        "flip-averaged, at scales 0.75, 1, in windows of 128, 256"
    )
