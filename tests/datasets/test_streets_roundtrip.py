"""Rendered streets, written as other data sets, come back through those' readers.

The writers and the renderer know nothing of `project_lidar`: depth that was projected
from the sweep agrees with depth that was rendered only if both read the calibration
and the pixel grid as KITTI means them.
"""

import dataclasses

import jax
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.kitti_source import KittiSource
from deepdepth_jax.datasets.streets.layouts import (
    frame_key,
    write_kitti,
    write_synthia,
)
from deepdepth_jax.datasets.streets.render import intrinsics, render, render_view
from deepdepth_jax.datasets.streets.rig import camera_pose
from deepdepth_jax.datasets.streets.scene import random_scene
from deepdepth_jax.datasets.synthia.synthia_source import SynthiaSource

HEIGHT, WIDTH = 64, 208
LIDAR_RANGE_M = 120
FRAMES = [Frame("2011_09_26", "0005", camera, 5) for camera in (2, 3)]


@pytest.fixture(scope="module")
def kitti_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("kitti")
    write_kitti(root, FRAMES, height=HEIGHT, width=WIDTH, azimuth_step_deg=0.4)
    return root


def render_frame(frame):
    """Depth in metres that the camera of a frame sees."""
    scene = random_scene(frame_key(frame, seed=0))
    camera = camera_pose(scene.camera, frame.camera)
    seen = dataclasses.replace(scene, camera=camera)
    _, depth_m = render_view(seen, jax.random.key(0), height=HEIGHT, width=WIDTH)
    return np.asarray(depth_m)


def away_from_edges(depth_m):
    """Marks pixels whose neighbours are on the same surface, going by their depth."""
    around = sliding_window_view(np.pad(depth_m, 2, mode="edge"), (5, 5))
    nearest_m, farthest_m = around.min((-1, -2)), around.max((-1, -2))
    return (nearest_m > 0) & (farthest_m < 1.2 * nearest_m)


@pytest.mark.parametrize("index", [0, 1])
def test_improved_depth_comes_back_within_rounding(kitti_root, index):
    source = KittiSource(kitti_root, "val", "improved", (2, 3))
    record = source.read(index)
    assert record.name == FRAMES[index].name
    assert record.focal_px == pytest.approx(intrinsics(HEIGHT, WIDTH).focal_px, 1e-6)
    truth_m = render_frame(FRAMES[index])
    in_reach = (truth_m > 0) & (truth_m <= LIDAR_RANGE_M)
    assert in_reach.mean() > 0.5
    error_m = np.abs(record.depth_m - truth_m)[in_reach]
    assert error_m.max() <= 1 / 512
    assert not record.depth_m[~in_reach].any()


@pytest.mark.parametrize("index", [0, 1])
def test_projected_lidar_agrees_with_rendered_depth(kitti_root, index):
    source = KittiSource(kitti_root, "val", "lidar", (2, 3))
    lidar_m = source.read(index).depth_m
    truth_m = render_frame(FRAMES[index])
    compared = away_from_edges(truth_m) & (lidar_m > 0)
    assert compared.sum() > 1000
    relative = lidar_m[compared] / truth_m[compared] - 1
    # A point lies anywhere in its pixel, so that on slanted surfaces it may be off, but
    # not to one side; a projection that is one pixel off shows in the medians.
    assert abs(np.median(relative)) < 0.0005
    assert np.median(abs(relative)) < 0.006
    assert (abs(relative) < 0.03).mean() > 0.97


def test_synthia_comes_back_within_half_a_centimetre(tmp_path):
    write_synthia(tmp_path, 2, height=HEIGHT, width=WIDTH)
    for index, split in enumerate(["test", "train"]):
        source = SynthiaSource(tmp_path, split)
        assert len(source) == 1
        record = source.read(0)
        key = jax.random.fold_in(jax.random.key(0), index)
        truth_m = np.asarray(render(key, HEIGHT, WIDTH)[1])
        is_sky = truth_m == 0
        assert record.name == f"{index:07d}"
        assert np.abs(record.depth_m - truth_m)[~is_sky].max() < 0.005 + 1e-5
        assert (record.depth_m[is_sky] == np.float32(655.35)).all()
