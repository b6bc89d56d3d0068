"""Intersections, against arithmetic on paper and a second, plain ray caster."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_tracer import first_hit

from deepdepth_jax.datasets.streets.geometry import (
    SKY,
    box_span,
    cylinder_span,
    ellipsoid_span,
    footprint_distance,
    is_blocked,
    nearest_solid,
)
from deepdepth_jax.datasets.streets.solids import (
    Boxes,
    Cylinders,
    Ellipsoids,
    Material,
    make_surface,
)

GREY = make_surface(Material.PLAIN, jnp.full((1, 3), 0.5))
FORWARD, RIGHT, DOWN = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0)


def box(base=(0.0, 0.0, 10.0), yaw=0.0, lean=(0.0, 0.0, 0.0), height=2.0):
    """A box 2 m wide and 6 m long."""
    return Boxes(
        base=jnp.array([base]),
        half_width=jnp.array([1.0]),
        half_length=jnp.array([3.0]),
        height=jnp.array([height]),
        yaw=jnp.array([yaw]),
        lean=jnp.array([lean]),
        surface=GREY,
    )


def cylinder(axis, radius=0.5):
    """A cylinder of 4 m length about a point 10 m ahead."""
    return Cylinders(
        center=jnp.array([[0.0, 1.0, 10.0]]),
        axis=jnp.array([axis]),
        radius=jnp.array([radius]),
        half_length=jnp.array([2.0]),
        surface=GREY,
    )


def ellipsoid(radii):
    return Ellipsoids(
        center=jnp.array([[0.0, 1.0, 10.0]]), radii=jnp.array([radii]), surface=GREY
    )


def cast(span, solid, origin, direction):
    """Casts one ray at a single solid; None where it misses."""
    first = jax.tree.map(lambda leaf: leaf[0], solid)
    origin, direction = (jnp.array(v)[:, None] for v in (origin, direction))
    enter, leave = span(origin, direction, first)
    return (float(enter[0]), float(leave[0])) if enter[0] < leave[0] else None


@pytest.mark.parametrize(
    ("solid", "origin", "direction", "expected"),
    [
        (box(), (0.0, 1.0, 0.0), FORWARD, (7, 13)),
        (box(), (0.9, 1.0, 0.0), FORWARD, (7, 13)),
        (box(), (1.1, 1.0, 0.0), FORWARD, None),
        (box(), (0.0, 2.1, 0.0), FORWARD, None),
        (box(), (0.0, -0.1, 0.0), FORWARD, None),
        (box(), (-5.0, 1.0, 8.0), RIGHT, (4, 6)),
        (box(), (0.0, 5.0, 10.0), DOWN, (3, 5)),
        (box(yaw=np.pi / 2), (0.0, 1.0, 0.0), FORWARD, (9, 11)),
        (box(yaw=np.pi / 2), (2.5, 1.0, 0.0), FORWARD, (9, 11)),
        # Heading from z towards x: the far end is on the right.
        (box(yaw=np.pi / 4), (2.0, 1.0, 0.0), FORWARD, (12 - 2**0.5, 8 + 3 * 2**0.5)),
        (box(lean=(0.5, 0.0, 0.0)), (-5.0, 1.0, 10.0), RIGHT, (4.5, 5.5)),
        (box(lean=(0.0, 1.0, 0.25)), (0.0, 1.0, 0.0), FORWARD, (7.25, 12)),
        (box(lean=(0.5, 0.0, 0.0)), (0.5, 5.0, 10.0), DOWN, (4, 5)),
        (box(height=0.0), (0.0, 5.0, 10.0), DOWN, None),
        (box(), (0.0, 1.0, 20.0), FORWARD, (-13, -7)),
    ],
)
def test_box(solid, origin, direction, expected):
    assert cast(box_span, solid, origin, direction) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("solid", "origin", "direction", "expected"),
    [
        (cylinder((0.0, 1.0, 0.0)), (0.0, 1.0, 0.0), FORWARD, (9.5, 10.5)),
        (cylinder((0.0, 1.0, 0.0)), (0.3, 1.0, 0.0), FORWARD, (9.6, 10.4)),
        (cylinder((0.0, 1.0, 0.0)), (0.0, 3.1, 0.0), FORWARD, None),
        (cylinder((0.0, 1.0, 0.0)), (0.3, 9.0, 10.2), DOWN, (6, 10)),
        (cylinder((0.0, 0.0, 1.0)), (0.3, 1.3, 0.0), FORWARD, (8, 12)),
        (cylinder((0.0, 0.0, 1.0)), (0.4, 1.4, 0.0), FORWARD, None),
        (cylinder((0.0, 0.6, 0.8)), (0.0, 1.0, 0.0), FORWARD, (10 - 5 / 6, 10 + 5 / 6)),
        (cylinder((0.0, 1.0, 0.0), radius=0.0), (0.0, 1.0, 0.0), FORWARD, None),
    ],
)
def test_cylinder(solid, origin, direction, expected):
    found = cast(cylinder_span, solid, origin, direction)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("radii", "origin", "direction", "expected"),
    [
        ((1.0, 2.0, 3.0), (0.0, 1.0, 0.0), FORWARD, (7, 13)),
        ((1.0, 2.0, 3.0), (0.6, 1.0, 0.0), FORWARD, (7.6, 12.4)),
        ((1.0, 2.0, 3.0), (0.0, 6.0, 10.0), DOWN, (3, 7)),
        ((1.0, 2.0, 3.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.5), (14, 26)),
        ((1.0, 2.0, 3.0), (1.1, 1.0, 0.0), FORWARD, None),
        ((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), FORWARD, None),
    ],
)
def test_ellipsoid(radii, origin, direction, expected):
    found = cast(ellipsoid_span, ellipsoid(radii), origin, direction)
    assert found == pytest.approx(expected, abs=1e-5)


def test_thin_poles_far_away_are_hit_where_they_are():
    """The textbook's discriminant is off by a tenth of the radius there."""
    pole = dataclasses.replace(
        cylinder((0.0, 1.0, 0.0), radius=0.03), center=jnp.array([[0.0, 1.0, 100.0]])
    )
    offset = 0.0299
    found = cast(cylinder_span, pole, (offset, 1.0, 0.0), FORWARD)
    half = (0.03**2 - offset**2) ** 0.5
    assert found == pytest.approx((100 - half, 100 + half), abs=2e-5)


def test_depth_equals_the_reference_on_random_rays(views):
    rng = np.random.default_rng(0)
    kinds = set()
    for view in views:
        depth_m = view.depth_m.ravel()
        for ray in rng.choice(depth_m.size, 150, replace=False):
            expected_m, solid = expect(view, ray, depth_m[ray])
            assert depth_m[ray] == pytest.approx(expected_m, rel=1e-4)
            kinds.add(kind(view.scene, solid))
    assert kinds == {"sky", "ground", "box", "cylinder", "ellipsoid"}


def expect(view, ray, found_m):
    """Casts the ray; where it grazes an edge, the neighbour within 1e-6 also counts."""
    direction = view.directions[ray]
    nudges = [np.zeros(3), *(np.eye(3) * 1e-6), *(np.eye(3) * -1e-6)]
    answers = []
    for nudge in nudges:
        distance, solid = first_hit(view.origin, direction + nudge, view.scene)
        answers.append((0.0 if solid == SKY else distance, solid))
        if answers[-1][0] == pytest.approx(found_m, rel=1e-4):
            return answers[-1]
    return answers[0]


def kind(scene, solid):
    boxes, cylinders = len(scene.boxes.yaw), len(scene.cylinders.radius)
    ends = [(0, "sky"), (1, "ground"), (1 + boxes, "box")]
    ends += [(1 + boxes + cylinders, "cylinder"), (np.inf, "ellipsoid")]
    return next(name for end, name in ends if solid < end)


def test_numbers_of_solids_equal_the_reference(views):
    rng = np.random.default_rng(1)
    view = views[0]
    rays = rng.choice(view.depth_m.size, 40, replace=False)
    expected = [first_hit(view.origin, view.directions[i], view.scene)[1] for i in rays]
    assert np.mean(view.hits.solid[rays] == expected) > 0.95


def test_shadows_equal_the_reference(views):
    rng = np.random.default_rng(2)
    for view in views[:2]:
        seen = np.flatnonzero(view.hits.solid != SKY)
        rays = rng.choice(seen, 30, replace=False)
        start = view.hits.point[:, rays] + 0.05 * view.hits.normal[:, rays]
        sun = view.scene.light.sun_direction
        blocked = np.asarray(is_blocked(jnp.asarray(start), sun[:, None], view.scene))
        expected = [
            first_hit(point.astype(np.float64), np.asarray(sun, np.float64), view.scene)
            for point in start.T
        ]
        assert np.mean(blocked == [np.isfinite(d) for d, _ in expected]) > 0.95
        assert 0 < np.mean(blocked) < 1


def test_what_lies_behind_a_ray_is_not_met(empty_scene):
    scene = dataclasses.replace(empty_scene, boxes=box(base=(0.0, 0.0, -10.0)))
    origin, up = jnp.array([[0.0], [1.0], [0.0]]), jnp.array([[0.0], [0.1], [1.0]])
    distance, solid = nearest_solid(origin, up, scene)
    assert np.isinf(distance[0])
    assert solid[0] == SKY


def test_footprint_distance():
    point = jnp.array(
        [[0.0, 2.0, 4.0, 0.0], [0.0, 0.0, 0.0, 2.0], [10.0, 10.0, 17.0, 10.0]]
    )
    # Inside, beside, off the corner (3 by 4), and on the roof, above which is nothing.
    expected = [0.0, 1.0, 5.0, np.inf]
    np.testing.assert_allclose(footprint_distance(point, box()), expected, atol=1e-5)


def test_normals_are_unit_and_face_the_camera(views):
    for view in views:
        seen = view.hits.solid != SKY
        normals, rays = view.hits.normal.T[seen], view.directions[seen]
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
        toward = np.sum(normals * rays, axis=1) / np.linalg.norm(rays, axis=1)
        assert np.mean(toward < 0) > 0.999


def test_normals_stand_on_the_surface(views):
    """Steps between neighbouring pixels of one flat face are square to its normal."""
    for view in views:
        shape = (*view.depth_m.shape, 3)
        points, normals = (
            a.T.reshape(shape) for a in (view.hits.point, view.hits.normal)
        )
        solids = view.hits.solid.reshape(shape[:2])
        is_box = (solids > 0) & (solids <= len(view.scene.boxes.yaw))
        same = is_box[:, 1:] & (solids[:, 1:] == solids[:, :-1])
        same &= np.abs(normals[:, 1:] - normals[:, :-1]).max(-1) < 1e-5
        step = (points[:, 1:] - points[:, :-1])[same]
        off = np.abs(np.sum(step * normals[:, 1:][same], -1))
        assert len(off) > 300
        assert np.all(off < 1e-4 * np.linalg.norm(points[:, 1:][same], axis=-1))


def test_normals_of_round_solids(views):
    """A radius below a tube is its axis; an ellipsoid faces along its gradient."""
    for view in views:
        scene, hits = view.scene, view.hits
        first = 1 + len(scene.boxes.yaw)
        count = len(scene.cylinders.radius)
        tubes = (hits.solid >= first) & (hits.solid < first + count)
        number = hits.solid[tubes] - first
        axis = np.asarray(scene.cylinders.axis)[number]
        radius = np.asarray(scene.cylinders.radius)[number]
        below = hits.point.T[tubes] - radius[:, None] * hits.normal.T[tubes]
        offset = below - np.asarray(scene.cylinders.center)[number]
        off_axis = np.linalg.norm(np.cross(offset, axis), axis=1)
        is_tube = np.abs(np.sum(hits.normal.T[tubes] * axis, 1)) < 0.5
        assert np.all(off_axis[is_tube] < 1e-3)

        balls = hits.solid >= first + count
        number = hits.solid[balls] - first - count
        radii = np.asarray(scene.ellipsoids.radii)[number]
        offset = hits.point.T[balls] - np.asarray(scene.ellipsoids.center)[number]
        np.testing.assert_allclose(np.sum((offset / radii) ** 2, 1), 1, atol=1e-3)
        cross = np.cross(hits.normal.T[balls], offset / radii**2)
        size = np.linalg.norm(offset / radii**2, axis=1)
        assert np.all(np.linalg.norm(cross, axis=1) < 1e-4 * size)
