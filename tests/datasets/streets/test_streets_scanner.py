"""The simulated lidar."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_tracer import first_hit

from deepdepth_jax.datasets.streets.scanner import RANGE_M, scan
from deepdepth_jax.datasets.streets.scene import random_scene

STEP_DEG = 2.0
LEVEL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Forward is the world's z, left is -x, up is y."""
POSITION = np.array([1.5, 1.73, 0.0])


@pytest.fixture(scope="module")
def scene():
    return random_scene(jax.random.key(3))


@pytest.fixture(scope="module")
def sweep(scene):
    return scan(scene, POSITION, LEVEL, azimuth_step_deg=STEP_DEG)


def angles_deg(points):
    x, y, z = points[:, :3].T
    return np.rad2deg(np.arctan2(z, np.hypot(x, y))), np.rad2deg(np.arctan2(y, x))


def test_bare_ground_gives_rings(empty_scene):
    """A beam at elevation -e meets the ground at height / tan(e)."""
    sweep = scan(empty_scene, POSITION, LEVEL, azimuth_step_deg=STEP_DEG)
    elevation_deg, _ = angles_deg(sweep)
    rings = np.unique(np.round(elevation_deg, 3))
    elevations = np.linspace(2.0, -24.8, 64)
    reaches = 1.73 / np.sin(np.deg2rad(-elevations[elevations < 0])) <= RANGE_M
    np.testing.assert_allclose(
        rings, np.sort(elevations[elevations < 0][reaches]), atol=2e-3
    )
    assert len(sweep) == len(rings) * 180
    np.testing.assert_allclose(sweep[:, 2], -1.73, rtol=1e-4)
    radius = np.hypot(sweep[:, 0], sweep[:, 1])
    np.testing.assert_allclose(
        radius, 1.73 / np.tan(np.deg2rad(-elevation_deg)), rtol=1e-4
    )


def test_points_are_where_the_reference_finds_them(scene, sweep):
    rng = np.random.default_rng(0)
    found = []
    for point in sweep[rng.choice(len(sweep), 80, replace=False)].astype(np.float64):
        distance = np.linalg.norm(point[:3])
        direction = LEVEL.T @ point[:3] / distance
        expected, _ = first_hit(POSITION, direction, scene)
        found.append(abs(distance - expected) < 1e-3 * expected)
    assert np.mean(found) > 0.97


def test_a_sweep_is_what_a_velodyne_gives(sweep):
    assert sweep.dtype == np.float32
    assert sweep.shape[1] == 4
    elevation_deg, azimuth_deg = angles_deg(sweep)
    assert elevation_deg.min() == pytest.approx(-24.8, abs=1e-3)
    assert elevation_deg.max() == pytest.approx(2.0, abs=1e-3)
    assert azimuth_deg.min() < -175
    assert azimuth_deg.max() > 175
    assert np.linalg.norm(sweep[:, :3], axis=1).max() <= RANGE_M
    assert sweep[:, 3].min() >= 0
    assert sweep[:, 3].max() <= 1
    assert sweep[:, 3].std() > 0.02
    assert np.all(np.diff(elevation_deg) < 1e-3)  # beam by beam
    is_same_beam = np.abs(np.diff(elevation_deg)) < 1e-3
    assert np.all(np.diff(azimuth_deg)[is_same_beam] < 0)  # from left to right


def test_the_pose_moves_points_but_not_the_scene(scene, sweep):
    """Turned about its up axis by one step, every shot is taken by its neighbour."""
    turn = np.deg2rad(STEP_DEG)
    cos, sin = np.cos(turn), np.sin(turn)
    about_up = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    turned = scan(scene, POSITION, about_up @ LEVEL, azimuth_step_deg=STEP_DEG)

    some = turned[:: len(turned) // 200, :3] @ (about_up @ LEVEL)
    apart = np.linalg.norm(some[:, None] - (sweep[:, :3] @ LEVEL)[None], axis=2)
    assert np.mean(apart.min(1) < 0.02) > 0.98
    assert np.abs(turned[:100, :3] - sweep[:100, :3]).max() > 0.1


def test_a_sector_is_part_of_the_turn(scene, sweep):
    sector = scan(scene, POSITION, LEVEL, azimuth_step_deg=STEP_DEG, sector_deg=90.0)
    _, azimuth_deg = angles_deg(sector)
    assert azimuth_deg.min() == pytest.approx(-44, abs=0.01)
    assert azimuth_deg.max() == pytest.approx(44, abs=0.01)


def test_darker_ground_reflects_less(empty_scene):
    sweeps = []
    for shade in (0.01, 0.9):
        ground = dataclasses.replace(
            empty_scene.ground, color=jnp.full((1, 3), shade, jnp.float32)
        )
        scene = dataclasses.replace(empty_scene, ground=ground)
        sweeps.append(scan(scene, POSITION, LEVEL, azimuth_step_deg=STEP_DEG))
    np.testing.assert_array_equal(sweeps[0][:, :3], sweeps[1][:, :3])
    assert sweeps[0][:, 3].max() < 0.02
    assert sweeps[1][:, 3].min() > 0.3
