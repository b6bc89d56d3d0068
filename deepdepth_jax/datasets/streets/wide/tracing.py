"""First hits of rays in the wide world, tile by tile of the image.

Each tile tests only the solids whose bounding spheres touch it. The results equal those
of testing all solids.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from deepdepth_jax.datasets.streets.geometry import (
    GROUND,
    SKY,
    Distances,
    Nearest,
    Rays,
    Span,
    box_span,
    cylinder_span,
    dot,
    ellipsoid_span,
)
from deepdepth_jax.datasets.streets.wide.course import Course, land_distance
from deepdepth_jax.datasets.streets.wide.culling import SLACK, Chosen, listed
from deepdepth_jax.datasets.streets.wide.holes import entry, first_entry
from deepdepth_jax.datasets.streets.wide.solids import (
    KINDS,
    Hulls,
    Kind,
    Perforation,
    Solids,
    hull_faces,
)

Mask = Bool[Array, " n"]  # of rays


def hull_span(origin: Rays, direction: Rays, hull: Hulls) -> Span:
    """Intersects rays with one hull: the half-spaces behind all its faces.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      hull: the hull.

    Returns:
      Where each ray enters and leaves the solid.
    """
    box = hull.box
    cos, sin = jnp.cos(box.yaw), jnp.sin(box.yaw)
    offset = [origin[i] - box.base[i] for i in range(3)]
    start, ray = (_turned(cos, sin, vector) for vector in (offset, direction))
    enter, leave = jnp.array(-jnp.inf), jnp.array(jnp.inf)
    for face, limit in hull_faces(hull):
        speed = dot(face, ray)
        speed = jnp.where(jnp.abs(speed) < 1e-12, 1e-12, speed)
        distance = (limit - dot(face, start)) / speed
        enter = jnp.maximum(enter, jnp.where(speed < 0, distance, -jnp.inf))
        leave = jnp.minimum(leave, jnp.where(speed > 0, distance, jnp.inf))
    return enter, leave


def _turned(cos: Array, sin: Array, vector: Any) -> tuple[Array, Array, Array]:
    x, y, z = vector
    return cos * x - sin * z, y, sin * x + cos * z


Entry = Callable[[Rays, Rays, Span, Perforation], Distances]
Meeting = Callable[[], Distances]  # computes where rays meet one solid

SPANS: dict[str, Callable[..., Span]] = {
    "boxes": box_span,
    "hulls": hull_span,
    "cylinders": cylinder_span,
    "ellipsoids": ellipsoid_span,
}


class Rayed(NamedTuple):
    """Rays from one origin or from many, and the solids that they may meet."""

    origin: Rays
    direction: Rays
    solids: Solids
    mask: Chosen


class Found(NamedTuple):
    """The nearest hits so far of rays from one point.

    Attributes:
      distance: to the nearest surface, in units of the direction.
      number: of its solid, `GROUND` or `SKY`.
      reach_m: the farthest of these surfaces is so far away.
    """

    distance: Distances
    number: Int[Array, " n"]
    reach_m: Float[Array, ""]


def nearest(rays: Rayed, course: Course) -> Nearest:
    """Finds distance and solid of the first hit of each ray from one point.

    Solids that begin behind all that was met before them are skipped, so that it is
    quicker when they come in the order of their distance.

    Args:
      rays: the rays.
      course: course of the road and height of the land.

    Returns:
      Distances and solids. The ground is solid 0.
    """
    length = jnp.sqrt(dot(rays.direction, rays.direction))
    sphere = rays.solids.sphere
    away = jnp.linalg.norm(sphere[:, :3] - rays.origin.T, axis=1) - sphere[:, 3] - SLACK

    def meet(found: Found, solid: Int[Array, ""], at: Meeting) -> Found:
        def search() -> Found:
            distance = at()
            # A branch, so that XLA does not compute the entry once for each output.
            is_nearer = jnp.any(distance < found.distance)
            return jax.lax.cond(
                is_nearer, _nearer, lambda old, *_: old, found, distance, solid, length
            )

        return jax.lax.cond(away[solid] < found.reach_m, search, lambda: found)

    distance = land_distance(rays.origin, rays.direction, course)
    number = jnp.where(jnp.isfinite(distance), GROUND, SKY)
    found = Found(distance, number, jnp.max(distance * length))
    found = _go_through(rays, entry, meet, found)
    return found.distance, found.number


def _nearer(
    found: Found, distance: Distances, solid: Int[Array, ""], length: Distances
) -> Found:
    least = jnp.minimum(found.distance, distance)
    number = jnp.where(distance < found.distance, solid + 1, found.number)
    return Found(least, number, jnp.max(least * length))


def is_blocked(rays: Rayed, entry_of: Entry = first_entry) -> Mask:
    """Finds the rays that meet any of the masked solids."""

    def meet(blocked: Mask, solid: Int[Array, ""], at: Meeting) -> Mask:
        del solid
        return jax.lax.cond(
            jnp.all(blocked), lambda: blocked, lambda: blocked | jnp.isfinite(at())
        )

    shape = jnp.broadcast_shapes(rays.origin.shape, rays.direction.shape)
    return _go_through(rays, entry_of, meet, jnp.zeros(shape[1:], bool))


def _go_through(
    rays: Rayed,
    entry_of: Entry,
    meet: Callable[[Any, Int[Array, ""], Meeting], Any],
    found: Any,
) -> Any:
    """Meets the masked solids one by one, with all rays at once."""
    first = 0
    for kind in KINDS:
        rows = getattr(rays.solids, kind.name)
        order, count = listed(rays.mask[first : first + len(rows)])
        entry_at = partial(_entry_at, rays, kind, first, entry_of)

        def step(
            i: Int[Array, ""],
            found: Any,
            order: Any = order,
            entry_at: Any = entry_at,
            first: int = first,
        ) -> Any:
            return meet(found, first + order[i], partial(entry_at, order[i]))

        found = jax.lax.fori_loop(0, count, step, found)
        first += len(rows)
    return found


def _entry_at(
    rays: Rayed, kind: Kind, first: int, entry_of: Entry, index: Int[Array, ""]
) -> Distances:
    """Computes where rays meet one solid of a kind."""
    solid = kind.unpack(getattr(rays.solids, kind.name)[index])
    span = SPANS[kind.name](rays.origin, rays.direction, solid)
    perforation = jax.tree.map(
        lambda leaf: leaf[first + index], rays.solids.perforation
    )
    return entry_of(rays.origin, rays.direction, span, perforation)
