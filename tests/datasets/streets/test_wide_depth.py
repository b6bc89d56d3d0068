"""Depth of the wide world, against a second, plain ray caster."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from wide_reference_tracer import box_ends, first_hit, land_entry
from wide_views import HEIGHT, WIDTH, see_wide, wide_scene

from deepdepth_jax.datasets.streets.wide.course import Course, land_distance
from deepdepth_jax.datasets.streets.wide.solids import (
    KINDS,
    bounding_spheres,
    unpack_hull,
)
from deepdepth_jax.datasets.streets.wide.tracing import hull_span


@pytest.fixture(scope="module", params=range(3))
def view(request):
    return see_wide(wide_scene(request.param))


def test_depth_is_that_of_the_reference_tracer(view):
    """But for rays that pass an edge, a leaf's say, within float32's rounding."""
    some = np.random.default_rng(0).choice(HEIGHT * WIDTH, 120, replace=False)
    agree = []
    for ray in some:
        expected_m, number = first_hit(view.origin, view.directions[ray], view.scene)
        depth_m = view.depth_m.ravel()[ray]
        same = np.isclose(depth_m, expected_m if number >= 0 else 0, rtol=2e-4)
        agree.append(same and view.number[ray] == number)
    assert np.mean(agree) >= 0.97


def test_tiles_change_nothing(view):
    """Each tile skips the solids that its rays cannot meet."""
    depth_m = np.where(view.number < 0, 0, view.distance).reshape(HEIGHT, WIDTH)
    np.testing.assert_allclose(view.depth_m, depth_m, rtol=1e-5)


def test_scenes_have_all_kinds_of_solids(view):
    first, met = 1, set(np.unique(view.number))
    for kind in KINDS:
        count = len(getattr(view.scene.solids, kind.name))
        assert np.any(view.scene.solids.sphere[first - 1 : first - 1 + count, 3] > 0)
        first += count
    assert len(met) > 10


def course(**changes):
    level = dict(slope=0.0, turn_m=30.0, turn_at_m=50.0)
    rise = dict(rise_per_m=0.0, rise_from_m=20.0, rise_to_m=60.0)
    fields = level | rise | changes
    return Course(**{name: jnp.float32(value) for name, value in fields.items()})


@pytest.mark.parametrize("rise", [0.0, 0.004, -0.004])
@pytest.mark.parametrize("down", [-0.3, -0.08, -0.04, -0.01, 0.0, 0.05])
def test_land_is_met_where_it_lies(rise, down):
    land = course(rise_per_m=rise)
    origin, direction = np.array([0.0, 1.6, 0.0]), np.array([0.1, down, 1.0])
    found = land_distance(
        jnp.float32(origin)[:, None], jnp.float32(direction)[:, None], land
    )
    expected = land_entry(origin, direction, land)
    assert float(found[0]) == pytest.approx(expected, rel=1e-4)


def test_the_edges_of_hulls_are_planed_off():
    rng = np.random.default_rng(3)
    row = np.array(
        [
            0.2,
            0.3,
            8.0,
            0.9,
            2.2,
            0.8,
            0.4,
            0.1,
            0.2,
            0.1,
            0.1,
            0.3,
            0.9,
            0.2,
            0.2,
            0.3,
            0.3,
        ]
    )
    directions = np.stack(
        [rng.uniform(-0.4, 0.4, 400), rng.uniform(-0.2, 0.05, 400), np.ones(400)]
    )
    origin = np.array([0.0, 1.5, 0.0])
    enter, leave = jax.jit(hull_span)(
        jnp.float32(origin)[:, None],
        jnp.float32(directions),
        unpack_hull(jnp.float32(row)),
    )
    whole = 0
    for ray, (a, b) in enumerate(
        zip(np.asarray(enter), np.asarray(leave), strict=True)
    ):
        ends = box_ends(origin, directions[:, ray], row)
        whole += np.isfinite(box_ends(origin, directions[:, ray], row[:10])[0])
        if np.isfinite(ends[0]):
            np.testing.assert_allclose([a, b], ends, rtol=1e-4)
        else:
            assert a >= b - 1e-3
    met = np.sum(np.asarray(enter) < np.asarray(leave))
    assert 20 < met < whole


def test_bounding_spheres_hold_the_solids():
    """Of boxes that lean in and out, by their corners."""
    rng = np.random.default_rng(5)
    rows = np.c_[
        rng.uniform(-9, 9, (50, 3)),
        rng.uniform(0.5, 3, (50, 3)),
        rng.uniform(-3, 3, 50),
        rng.uniform(-0.3, 0.15, (50, 3)),
    ]
    spheres = bounding_spheres("boxes", rows)
    for row, sphere in zip(rows, spheres, strict=True):
        half_width, half_length, height, yaw, side, front, back = row[3:]
        cos, sin = np.cos(yaw), np.sin(yaw)
        for y in (0, height):
            for x in (half_width - side * y, side * y - half_width):
                for z in (half_length - front * y, back * y - half_length):
                    corner = np.array([cos * x + sin * z, y, cos * z - sin * x])
                    away = np.linalg.norm(row[:3] + corner - sphere[:3])
                    assert away <= sphere[3] + 1e-9
