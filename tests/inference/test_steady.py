"""Averages along a video, beside their definition."""

import numpy as np
import pytest

from deepdepth_jax.geometry import Pinhole
from deepdepth_jax.inference.image_prediction import ImagePrediction
from deepdepth_jax.inference.steady import steady

SHAPE = 5, 7


def frame(depth_m, confidence=None, focal_px=8.0, **intervals):
    return ImagePrediction(
        depth_m=np.float32(depth_m),
        confidence=confidence,
        image=np.zeros((*np.shape(depth_m), 3), np.uint8),
        focal_px=focal_px,
        camera=Pinhole(focal_px),
        depth_range_m=(1.0, 80.0),
        num_bins=71,
        **intervals,
    )


def averaged(frames, memory):
    found = list(steady(enumerate(frames), memory))
    assert [item for item, _ in found] == list(range(len(frames)))
    return [one for _, one in found]


def random_frames(count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        depth_m = 10 * np.exp(rng.normal(0, 0.1, SHAPE)).astype(np.float32)
        confidence = rng.uniform(0.05, 1.0, SHAPE).astype(np.float32)
        yield frame(depth_m, confidence, low_m=0.8 * depth_m, high_m=1.5 * depth_m)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_each_pixel_is_the_weighted_mean_of_its_ln_depths(memory):
    frames = list(random_frames(6))
    found = averaged(frames, memory)
    for now, one in enumerate(found):
        past = frames[: now + 1]
        weights = [memory ** (now - i) * x.confidence for i, x in enumerate(past)]
        logs = [np.log(x.depth_m.astype(np.float64)) for x in past]
        expected = np.exp(np.average(logs, axis=0, weights=weights))
        np.testing.assert_allclose(one.depth_m, expected, rtol=1e-5)
        np.testing.assert_allclose(one.low_m, 0.8 * expected, rtol=1e-5)
        np.testing.assert_allclose(one.high_m, 1.5 * expected, rtol=1e-5)
        np.testing.assert_array_equal(one.confidence, frames[now].confidence)
        assert one.depth_m.dtype == np.float32


def test_without_confidence_all_frames_weigh_alike():
    frames = [frame(np.full(SHAPE, depth_m)) for depth_m in (8.0, 10.0)]
    found = averaged(frames, 0.5)[1]
    expected = np.exp((0.5 * np.log(8.0) + np.log(10.0)) / 1.5)
    np.testing.assert_allclose(found.depth_m, expected, rtol=1e-6)
    assert found.low_m is None


@pytest.mark.parametrize(
    "other",
    [
        frame(np.full(SHAPE, 40.0)),  # a cut
        frame(np.full((4, 7), 8.0)),
        frame(np.full(SHAPE, 8.0), focal_px=9.0),
    ],
)
def test_another_scene_starts_anew(other):
    first = frame(np.full(SHAPE, 10.0))
    found = averaged([first, first, other, other], 0.9)
    for one in found[2:]:
        np.testing.assert_allclose(one.depth_m, other.depth_m, rtol=1e-6)


def test_something_near_that_comes_into_the_frame_is_no_cut():
    before = np.full(SHAPE, 10.0)
    after = before.copy()
    after[:2] = 2.0
    found = averaged([frame(before), frame(after)], 0.5)[1]
    assert np.all(found.depth_m[:2] > 2.5)
    np.testing.assert_allclose(found.depth_m[2:], 10.0, rtol=1e-6)


@pytest.mark.parametrize("memory", [-0.1, 1.0, float("nan")])
def test_a_memory_out_of_range_is_refused(memory):
    with pytest.raises(ValueError, match="must be >= 0 and < 1"):
        averaged([frame(np.full(SHAPE, 1.0))], memory)
