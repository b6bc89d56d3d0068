"""Surface normals and local coordinates where rays of the wide world hit."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from deepdepth_jax.datasets.streets.geometry import (
    Distances,
    Rays,
    Vectors,
    dot,
    turned,
)
from deepdepth_jax.datasets.streets.hits import (
    FAR,
    Hits,
    SurfaceFrame,
    on_box,
    on_cylinder,
    on_ellipsoid,
)
from deepdepth_jax.datasets.streets.wide.course import Course, land_normal
from deepdepth_jax.datasets.streets.wide.solids import KINDS, Hulls, Solids, hull_faces

ROUNDING_M = 0.05  # within which the faces of a hull pass into each other


def surface_hits(
    origin: Rays,
    direction: Vectors,
    found: tuple[Distances, Array],
    solids: Solids,
    course: Course,
) -> Hits:
    """Computes surface normals (facing the camera) and local coordinates at hits.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      found: distance and number of the solid that each ray hits.
      solids: all solids of the scene.
      course: course of the road and height of the land.

    Returns:
      The hits.
    """
    distance, number = found
    point = origin + jnp.minimum(distance, FAR)[None] * direction
    frame = (land_normal(point, course), point, jnp.ones_like(point))
    first = 1
    for kind in KINDS:
        rows = getattr(solids, kind.name)
        is_met = (number >= first) & (number < first + len(rows))

        def describe(
            old: SurfaceFrame,
            kind: Any = kind,
            rows: Any = rows,
            first: int = first,
            is_met: Any = is_met,
        ) -> SurfaceFrame:
            solid = kind.unpack(rows[jnp.clip(number - first, 0, len(rows) - 1)])
            new = SURFACE_FRAMES[kind.name](point, solid)
            return jax.tree.map(lambda n, o: jnp.where(is_met[None], n, o), new, old)

        frame = jax.lax.cond(jnp.any(is_met), describe, lambda old: old, frame)
        first += len(rows)
    normal, local, extent = frame
    faces_away = dot(normal, direction) > 0
    return Hits(
        distance,
        number,
        point,
        jnp.where(faces_away[None], -normal, normal),
        local,
        extent,
    )


def _on_hull(point: Vectors, hull: Hulls) -> SurfaceFrame:
    """Blends the faces that the point is least behind, as sheet metal is bent."""
    box = hull.box
    local = turned(box.yaw, [point[i] - box.base[..., i] for i in range(3)])
    total = jnp.zeros_like(point)
    for face, limit in hull_faces(hull):
        length = jnp.sqrt(dot(face, face))
        behind = (limit - dot(face, local)) / length
        weight = jnp.exp(-jnp.maximum(behind, 0.0) / ROUNDING_M)
        unit = jnp.stack(jnp.broadcast_arrays(behind, *(x / length for x in face))[1:])
        total += weight[None] * unit
    normal = total / jnp.sqrt(jnp.maximum(dot(total, total), 1e-12))[None]
    extent = [box.half_width, box.height, box.half_length]
    return jnp.stack(turned(-box.yaw, normal)), jnp.stack(local), jnp.stack(extent)


SURFACE_FRAMES: Mapping[str, Callable[[Vectors, Any], SurfaceFrame]] = MappingProxyType(
    {
        "boxes": on_box,
        "hulls": _on_hull,
        "cylinders": on_cylinder,
        "ellipsoids": on_ellipsoid,
    }
)
