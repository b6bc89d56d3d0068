"""Scenes of the wide world: repeatable, far more varied, and still streets."""

import hashlib

import jax
import numpy as np
import pytest
from wide_views import HEIGHT, WIDTH, see_wide, wide_scene

from deepdepth_jax.datasets.streets.render import KITTI_FOCAL_PX, KITTI_WIDTH_PX, render
from deepdepth_jax.datasets.streets.wide.cameras import (
    FOCAL_RANGE,
    HEIGHT_RANGE_M,
    attitude,
)
from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.render import render_scene
from deepdepth_jax.datasets.streets.wide.scene import random_scene

SCENES = range(60)


@pytest.fixture(scope="module")
def scenes():
    return [wide_scene(number) for number in SCENES]


GOLDEN_LEVELS = [
    [127.78, 175.76, 157.98, 150.53],
    [113.94, 121.92, 139.1, 110.62],
    [116.71, 122.34, 116.88, 79.13],
]
GOLDEN_DEPTHS_M = [
    [19.4, 24.19, 12.59, 18.68],
    [26.87, 37.9, 28.48, 3.9],
    [8.1, 8.36, 7.59, 3.78],
]


def test_the_streets_world_is_as_ever():
    """Figures of the documentation are measured on it: raise its version otherwise."""
    image, depth_m = (np.asarray(v, float) for v in render(jax.random.key(3), 48, 160))
    levels = image.reshape(3, 16, 4, 40, 3).mean((1, 3, 4))
    depths_m = np.minimum(depth_m, 200).reshape(3, 16, 4, 40).mean((1, 3))
    np.testing.assert_allclose(levels, GOLDEN_LEVELS, atol=0.1)
    np.testing.assert_allclose(depths_m, GOLDEN_DEPTHS_M, rtol=0.01)


def digest(tree):
    leaves = [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]
    return hashlib.sha256(b"".join(leaves)).hexdigest()


def test_integers_decide_the_scene(scenes):
    assert digest(random_scene(7, 4)) == digest(scenes[4])
    assert len({digest(scene.camera) for scene in scenes}) == len(SCENES)


def test_a_key_decides_every_byte():
    first, again, other = (
        render_scene(jax.random.key(k), HEIGHT, WIDTH) for k in (1, 1, 2)
    )
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert first[2] == again[2]
    assert np.mean(first[0] != other[0]) > 0.8


def test_raw_numbers_are_those_of_pcg64():
    """A stream that NumPy keeps for good."""
    numbers = Draws(1, 2).uniform(shape=3)
    np.testing.assert_allclose(numbers, GOLDEN_DRAWS, rtol=1e-12)


GOLDEN_DRAWS = [0.44841514333227195, 0.4308819875443376, 0.4199991293921922]


def test_cameras_cover_their_ranges(scenes):
    kitti = KITTI_FOCAL_PX * WIDTH / KITTI_WIDTH_PX
    factors = np.array([scene.camera.focal_px(WIDTH) for scene in scenes]) / kitti
    assert factors.min() >= FOCAL_RANGE[0] - 1e-6
    assert factors.max() <= FOCAL_RANGE[1] + 1e-6
    assert factors.min() < 0.7
    assert factors.max() > 1.5
    assert 0.3 < np.mean((factors > 0.84) & (factors < 1.19)) < 0.8
    heights = [float(scene.camera.position[1]) for scene in scenes]
    assert HEIGHT_RANGE_M[0] <= min(heights) < 1.45
    assert 2.0 < max(heights) <= HEIGHT_RANGE_M[1]
    for scene in scenes:
        axes = np.asarray(scene.camera.axes)
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
        assert axes[2, 2] > 0.7  # ahead
    centers = np.array([scene.camera.center for scene in scenes])
    assert np.all(np.abs(centers - 0.5) < 0.4)
    assert centers.std(0).min() > 0.02


def test_attitude_turns_right_up_and_clockwise():
    right, down, ahead = attitude(0.3, 0.1, 0.05)
    assert ahead[0] > 0.2
    assert ahead[1] > 0.05
    assert right[1] < -0.01  # the image's right edge sinks
    np.testing.assert_allclose(np.cross(right, down), -ahead, atol=1e-12)


def test_images_have_their_ranges_and_depth_is_known(scenes):
    images, depths = [], []
    for scene in scenes[:12]:
        view = see_wide(scene)
        assert view.image.shape == (HEIGHT, WIDTH, 3)
        assert view.image.dtype == np.uint8
        assert view.depth_m.dtype == np.float32
        assert np.isfinite(view.depth_m).all()
        images.append(view.image)
        depths.append(view.depth_m)
    known = np.concatenate([d[d > 0] for d in depths])
    assert known.min() > 0.3
    assert np.mean(known < 4) > 0.02
    assert np.mean(known > 60) > 0.01
    assert np.mean([np.mean(d > 0) for d in depths]) > 0.6
    means = [image.mean() for image in images]
    assert min(means) < 90 < max(means)
    assert max(np.percentile(image, 98) for image in images) > 245
    assert min(np.percentile(image, 2) for image in images) < 15


def test_nothing_stands_in_the_camera(scenes):
    for scene in scenes[:12]:
        depth_m = see_wide(scene).depth_m
        assert depth_m[depth_m > 0].min() > 0.25
