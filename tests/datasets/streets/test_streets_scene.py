"""Random scenes: repeatable, varied, and laid out as streets are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from street_views import in_numpy

from deepdepth_jax.datasets.streets.draws import Draws
from deepdepth_jax.datasets.streets.geometry import nearest_solid
from deepdepth_jax.datasets.streets.render import pixel_rays
from deepdepth_jax.datasets.streets.scene import look, random_scene
from deepdepth_jax.datasets.streets.solids import Material
from deepdepth_jax.datasets.streets.vehicles import VEHICLES

GOLDEN_SCENE = [
    1.826328,
    3.585006,
    0.0005081547,
    -10.33206,
    49.94913,
    1.303363,
    0.1525847,
]
KEYS = [jax.random.key(number) for number in range(40)]


@pytest.fixture(scope="module")
def scenes():
    return [in_numpy(random_scene(key)) for key in KEYS]


def test_draws_deal_each_number_once():
    draws = Draws(jax.random.key(0), 10)
    dealt = [draws.uniform((4,)), draws.uniform(()), draws.uniform((5,))]
    pool = jax.random.uniform(jax.random.key(0), (10,))
    np.testing.assert_array_equal(np.hstack(dealt), pool)
    with pytest.raises(IndexError, match="10 numbers"):
        draws.uniform(())


def test_draws_have_their_distribution():
    draws = Draws(jax.random.key(0), 5000)
    numbers = draws.uniform((1000,), -2.0, 6.0)
    assert -2 <= numbers.min() < -1.9
    assert 5.9 < numbers.max() < 6
    assert np.mean(draws.chance((1000,), 0.2)) == pytest.approx(0.2, abs=0.04)
    assert set(np.unique(draws.sign((100,)))) == {-1, 1}
    rows = draws.row((300,), [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    np.testing.assert_array_equal(rows[:, 1], 10 * rows[:, 0])
    _, counts = np.unique(rows[:, 0], return_counts=True)
    assert counts.min() > 75


def test_the_scene_of_a_key_never_changes():
    """If this is meant to fail, raise `RENDERER_VERSION`."""
    scene = in_numpy(random_scene(jax.random.key(0)))
    found = [
        scene.camera.position[1],
        scene.street.lane_m,
        scene.light.haze_per_m,
        scene.boxes.base[60, 0],
        scene.cylinders.center[50, 2],
        scene.ellipsoids.radii[10, 1],
        scene.ellipsoids.surface.color[50, 0],
    ]
    np.testing.assert_allclose(found, GOLDEN_SCENE, rtol=1e-4)


def test_keys_decide_the_scene(scenes):
    first, again = (jax.tree.leaves(random_scene(KEYS[3])) for _ in range(2))
    for leaf, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(leaf, same)
    positions = {float(scene.camera.position[1]) for scene in scenes}
    assert len(positions) == len(KEYS)


def test_scenes_vary(scenes):
    crossings = [scene.street.crossing_half_m > 0 for scene in scenes]
    assert 0.25 < np.mean(crossings) < 0.75
    parking = [scene.street.parking.any() for scene in scenes]
    assert 0.5 < np.mean(parking) < 1
    tallest = [
        np.max(scene.boxes.height[scene.boxes.surface.material == Material.FACADE])
        for scene in scenes
    ]
    assert min(tallest) < 9
    assert max(tallest) > 17


def test_nothing_is_in_the_camera():
    nearest = jax.jit(nearest_solid)
    for scene in map(random_scene, KEYS):
        origin, directions = pixel_rays(scene.camera, 12, 40)
        distance, _ = nearest(origin, directions, scene)
        assert distance.min() > 0.8


def test_vehicles_do_not_touch(scenes):
    for scene in scenes:
        boxes = scene.boxes
        is_body = (boxes.surface.material == Material.CAR_BODY) & (boxes.height > 0)
        assert np.sum(boxes.surface.material == Material.CAR_BODY) == VEHICLES
        x, _, z = boxes.base[is_body].T
        touch = overlaps(x, boxes.half_width[is_body])
        touch &= overlaps(z, boxes.half_length[is_body])
        np.testing.assert_array_equal(touch, np.eye(len(x), dtype=bool))


def overlaps(place, half):
    return np.abs(np.subtract.outer(place, place)) < np.add.outer(half, half)


def test_traffic_keeps_right(scenes):
    for scene in scenes:
        boxes, street = scene.boxes, scene.street
        is_body = (boxes.surface.material == Material.CAR_BODY) & (boxes.height > 0)
        x, _, z = np.asarray(boxes.base[is_body]).T
        across = x - float(street.curvature_per_m) / 2 * z**2
        ahead = np.cos(boxes.yaw[is_body]) > 0
        np.testing.assert_array_equal(ahead, across > 0)
        assert scene.camera.position[0] > 0


def test_crossings_are_kept_clear(scenes):
    standing = (Material.FACADE, Material.PAVING, Material.FOLIAGE, Material.STONE)
    crossed = [scene for scene in scenes if scene.street.crossing_half_m > 0]
    assert len(crossed) > 5
    for scene in crossed:
        street, boxes = scene.street, scene.boxes
        stands = np.isin(boxes.surface.material, standing) & (boxes.height > 0)
        from_crossing = np.abs(boxes.base[:, 2] - street.crossing_m)[stands]
        reach = boxes.half_length[stands] + street.crossing_half_m
        assert np.all(from_crossing >= reach - 0.3)


def test_streets_without_crossing_have_no_gap(scenes):
    """Pavements go on where the crossing would be."""
    for scene in scenes:
        street, boxes = scene.street, scene.boxes
        is_paving = boxes.surface.material == Material.PAVING
        nearest = np.abs(boxes.base[:, 2] - street.crossing_m) - boxes.half_length
        has_gap = nearest[is_paving].min() > 0.1
        assert has_gap == (street.crossing_half_m > 0)


def test_fronts_stand_behind_the_pavement(scenes):
    for scene in scenes:
        street, boxes = scene.street, scene.boxes
        is_wall = (boxes.surface.material == Material.FACADE) & (boxes.height > 0)
        x, _, z = np.asarray(boxes.base[is_wall]).T
        across = x - float(street.curvature_per_m) / 2 * z**2
        kerb = np.where(across < 0, street.kerb_m[0], street.kerb_m[1])
        front = np.abs(across) - boxes.half_width[is_wall]
        assert np.all(front >= kerb + street.walk_m + street.setback_m - 1e-3)


def test_streets_run_along_their_heading():
    street = random_scene(KEYS[1]).street
    along = jnp.array([0.0, 40.0, 80.0])
    offset = jnp.full((3,), 2.0)
    step = street.place(along + 0.5, offset) - street.place(along - 0.5, offset)
    np.testing.assert_allclose(
        np.arctan2(step[:, 0], step[:, 2]), street.heading(along), atol=1e-4
    )


def test_look_turns_right_and_up():
    axes = look(jnp.float32(0.3), jnp.float32(0.1))
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
    right, down, ahead = np.asarray(axes)
    assert ahead[0] > 0.2  # to the right
    assert ahead[1] > 0.05  # upwards
    assert right[0] > 0.9
    assert down[1] < -0.9
    # The camera's own axes are right-handed, seen from a world with y up.
    np.testing.assert_allclose(np.cross(right, down), -ahead, atol=1e-6)
