"""What rays meet first in the wide world, tile by tile of the image.

Each tile goes through the solids whose bounding spheres touch it, and no others. The
results are those of going through all of them.
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
    Vectors,
    box_span,
    cylinder_span,
    dot,
    ellipsoid_span,
)
from deepdepth_jax.datasets.streets.wide.course import Course, land_distance
from deepdepth_jax.datasets.streets.wide.holes import entry, solid_entry
from deepdepth_jax.datasets.streets.wide.solids import (
    KINDS,
    Hulls,
    Kind,
    Solids,
    hull_faces,
)

Mask = Bool[Array, " n"]  # of rays
Chosen = Bool[Array, " s"]  # of solids
SLACK = 1e-3  # added to bounds, for the rounding of float32


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


def nearest(rays: Rayed, course: Course) -> Nearest:
    """Finds distance and number of what each ray meets first."""
    distance = land_distance(rays.origin, rays.direction, course)
    found = distance, jnp.where(jnp.isfinite(distance), GROUND, SKY)

    def meet(found: Nearest, number: Int[Array, ""], at: Distances) -> Nearest:
        # A branch, so that XLA does not compute the entry once for each output.
        return jax.lax.cond(
            jnp.any(at < found[0]), _nearer, lambda old, *_: old, found, at, number
        )

    return _go_through(rays, meet, found)


def _nearer(found: Nearest, at: Distances, number: Int[Array, ""]) -> Nearest:
    least, of_number = found
    return jnp.minimum(least, at), jnp.where(at < least, number, of_number)


def is_blocked(rays: Rayed, holes: bool = True) -> Mask:
    """Finds the rays that meet any of the masked solids, pierced or taken as whole."""

    def meet(blocked: Mask, number: Int[Array, ""], at: Distances) -> Mask:
        del number
        return blocked | jnp.isfinite(at)

    shape = jnp.broadcast_shapes(rays.origin.shape, rays.direction.shape)
    return _go_through(rays, meet, jnp.zeros(shape[1:], bool), holes)


def _go_through(
    rays: Rayed,
    meet: Callable[[Any, Int[Array, ""], Distances], Any],
    found: Any,
    holes: bool = True,
) -> Any:
    """Meets the masked solids one by one, with all rays at once."""
    first = 0
    for kind in KINDS:
        rows = getattr(rays.solids, kind.name)
        order, count = listed(rays.mask[first : first + len(rows)])
        entry_at = partial(_entry_at, rays, kind, first, holes and kind.name != "hulls")

        def step(
            i: Int[Array, ""],
            found: Any,
            order: Any = order,
            entry_at: Any = entry_at,
            first: int = first,
        ) -> Any:
            return meet(found, first + order[i] + 1, entry_at(order[i]))

        found = jax.lax.fori_loop(0, count, step, found)
        first += len(rows)
    return found


def _entry_at(
    rays: Rayed, kind: Kind, first: int, is_pierced: bool, index: Int[Array, ""]
) -> Distances:
    """Computes where rays meet one solid of a kind."""
    solid = kind.unpack(getattr(rays.solids, kind.name)[index])
    span = SPANS[kind.name](rays.origin, rays.direction, solid)
    if not is_pierced:
        return solid_entry(span)
    pierce = jax.tree.map(lambda leaf: leaf[first + index], rays.solids.pierce)
    return entry(rays.origin, rays.direction, span, pierce)


def listed(mask: Chosen) -> tuple[Int[Array, " s"], Int[Array, ""]]:
    """Returns the padded indices of a mask, and their number."""
    order = jnp.nonzero(mask, size=len(mask), fill_value=0)[0]
    return order.astype(jnp.int32), jnp.sum(mask)


def in_cone(
    origin: Float[Array, "3"], direction: Vectors, sphere: Float[Array, "s 4"]
) -> Chosen:
    """Finds the spheres that a cone about all rays from one point touches.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      sphere: bounding spheres: centre and radius, metres.

    Returns:
      The padded indices, and their number.
    """
    unit = direction / jnp.sqrt(dot(direction, direction))[None]
    axis = jnp.sum(unit, 1)
    axis = axis / jnp.sqrt(dot(axis, axis))
    half = jnp.arccos(jnp.clip(jnp.min(dot(axis, unit)), -1.0, 1.0)) + SLACK
    away = sphere[:, :3] - origin[None]
    distance = jnp.sqrt(jnp.sum(away**2, 1))
    cosine = (away @ axis) / jnp.maximum(distance, 1e-6)
    angle = jnp.arccos(jnp.clip(cosine, -1.0, 1.0))
    radius = sphere[:, 3] + SLACK
    opening = jnp.arcsin(jnp.clip(radius / jnp.maximum(distance, 1e-6), 0.0, 1.0))
    touches = (angle < half + opening) | (distance <= radius)
    return touches & (sphere[:, 3] > 0)


def in_column(
    point: Vectors,
    is_wanted: Mask,
    toward: Float[Array, "3"],
    sphere: Float[Array, "s 4"],
) -> Chosen:
    """Finds the spheres that may lie between wanted points and a far light.

    Args:
      point: points on the surface, metres.
      is_wanted: mask of the points.
      toward: direction to the light.
      sphere: bounding spheres: centre and radius, metres.

    Returns:
      The padded indices, and their number.
    """
    axes = jnp.stack([*_across(toward), toward])
    inside = jnp.matmul(axes, point, precision="highest")
    low = jnp.min(jnp.where(is_wanted[None], inside, jnp.inf), 1)
    high = jnp.max(jnp.where(is_wanted[None], inside, -jnp.inf), 1)
    middle = jnp.matmul(sphere[:, :3], axes.T, precision="highest")
    radius = sphere[:, 3:] + SLACK
    high = high.at[2].set(jnp.inf)
    touches = (middle + radius > low[None]) & (middle - radius < high[None])
    return jnp.all(touches, 1) & (sphere[:, 3] > 0)


def _across(toward: Float[Array, "3"]) -> tuple[Float[Array, "3"], Float[Array, "3"]]:
    """Computes two unit vectors at right angles to one that is not level with x."""
    first = jnp.cross(toward, jnp.array([0.0, 1.0, 0.0]) + 1e-3)
    first = first / jnp.linalg.norm(first)
    return first, jnp.cross(first, toward)
