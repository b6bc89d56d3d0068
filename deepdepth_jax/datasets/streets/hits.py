"""First hits of rays, with surface normals and local coordinates."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from deepdepth_jax.datasets.streets.geometry import (
    Rays,
    Vectors,
    box_faces,
    dot,
    nearest_solid,
    turned,
)
from deepdepth_jax.datasets.streets.scene import Scene
from deepdepth_jax.datasets.streets.solids import Boxes, Cylinders, Ellipsoids

FAR = 1000.0  # where points of the sky are put


@struct.dataclass
class Hits:
    """The first hit of each ray.

    Attributes:
      distance: along the ray, in units of its direction. Infinite for the sky.
      solid: number of the solid in `Scene.surfaces`, or `SKY`.
      point: world coordinates. Far away, but finite, for the sky.
      normal: unit vector out of the surface.
      local: boxes: position relative to the base, in the box's axes. Cylinders:
        (distance from the axis, along it, 0). Ellipsoids: relative to the centre.
      extent: boxes: half width, height, half length. Cylinders: (radius, half
        length, 0). Ellipsoids: radii.
    """

    distance: Float[Array, " n"]
    solid: Int[Array, " n"]
    point: Vectors
    normal: Vectors
    local: Vectors
    extent: Vectors


SurfaceFrame = tuple[Vectors, Vectors, Vectors]  # normal, local, extent


def trace(origin: Rays, direction: Vectors, scene: Scene) -> Hits:
    """Finds the first hit of each ray, with normal and local coordinates.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      scene: the scene.

    Returns:
      The hits.
    """
    distance, solid = nearest_solid(origin, direction, scene)
    point = origin + jnp.minimum(distance, FAR)[None] * direction
    up = jnp.broadcast_to(jnp.array([[0.0], [1.0], [0.0]]), point.shape)
    frame = (up, point, jnp.ones_like(point))
    first = 1
    for describe, solids in (
        (on_box, scene.boxes),
        (on_cylinder, scene.cylinders),
        (on_ellipsoid, scene.ellipsoids),
    ):
        count = len(solids.surface.material)
        number = jnp.clip(solid - first, 0, count - 1)
        met = jax.tree.map(lambda leaf, number=number: leaf[number], solids)
        is_met = (solid >= first) & (solid < first + count)
        frame = jax.tree.map(
            lambda new, old, is_met=is_met: jnp.where(is_met[None], new, old),
            describe(point, met),
            frame,
        )
        first += count
    return Hits(distance, solid, point, *frame)


def on_box(point: Vectors, box: Boxes) -> SurfaceFrame:
    """Takes the face that the point is least behind.

    Args:
      point: points on the surface, metres.
      box: one box for each point.

    Returns:
      Normal and local coordinates at each point.
    """
    local = turned(box.yaw, [point[i] - box.base[..., i] for i in range(3)])
    outermost = jnp.full(point.shape[1:], -jnp.inf)
    normal = jnp.zeros_like(point)
    for face, limit in box_faces(box):
        length = jnp.sqrt(dot(face, face))
        outside = (dot(face, local) - limit) / length
        unit = jnp.stack(jnp.broadcast_arrays(outside, *(x / length for x in face))[1:])
        normal = jnp.where((outside > outermost)[None], unit, normal)
        outermost = jnp.maximum(outermost, outside)
    extent = [box.half_width, box.height, box.half_length]
    return jnp.stack(turned(-box.yaw, normal)), jnp.stack(local), jnp.stack(extent)


def on_cylinder(point: Vectors, cylinder: Cylinders) -> SurfaceFrame:
    """Takes the cap or the tube, whichever the point is less within.

    Args:
      point: points on the surface, metres.
      cylinder: the cylinder.

    Returns:
      Normal and local coordinates at each point.
    """
    offset = point - cylinder.center.T
    axis = cylinder.axis.T
    along = dot(offset, axis)
    across = offset - along[None] * axis
    radial = jnp.sqrt(jnp.maximum(dot(across, across), 1e-12))
    on_cap = jnp.abs(along) - cylinder.half_length > radial - cylinder.radius
    normal = jnp.where(
        on_cap[None], jnp.sign(along)[None] * axis, across / radial[None]
    )
    zero = jnp.zeros_like(along)
    local = jnp.stack([radial, along, zero])
    extent = jnp.stack([cylinder.radius, cylinder.half_length, zero])
    return normal, local, extent


def on_ellipsoid(point: Vectors, ellipsoid: Ellipsoids) -> SurfaceFrame:
    """Takes the gradient of the ellipsoid's quadratic form."""
    local = point - ellipsoid.center.T
    radii = jnp.maximum(ellipsoid.radii.T, 1e-9)
    gradient = local / radii**2
    return gradient / jnp.sqrt(dot(gradient, gradient))[None], local, radii
