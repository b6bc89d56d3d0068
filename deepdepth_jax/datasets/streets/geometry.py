"""Where rays meet the solids of a scene.

Every solid is convex, so a ray is inside it from its last way in to its first way
out: the span (enter, leave), in units of the ray's direction. Empty where enter is
not less than leave. Vectors are component first, (3, n), so that the inner loops run
over contiguous rays.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from deepdepth_jax.datasets.streets.scene import Scene
from deepdepth_jax.datasets.streets.solids import Boxes, Cylinders, Ellipsoids

SKY = -1
GROUND = 0
NEAREST = 1e-3  # a span that begins nearer is of the surface that the ray leaves
TINY = 1e-12

Vectors = Float[Array, "3 n"]
Rays = Float[Array, "3 #n"]  # origins or directions: one for each ray, or one for all
Distances = Float[Array, " n"]
Span = tuple[Distances, Distances]
Nearest = tuple[Distances, Int[Array, " n"]]
Components = Sequence[Any]  # of a vector; numbers or arrays


def dot(a: Components | Array, b: Components | Array) -> Any:
    """Multiplies vectors whose components come first."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def turned(yaw: Float[Array, "*n"], vector: Components | Array) -> Components:
    """Expresses a world vector in axes that are turned by yaw."""
    cos, sin = jnp.cos(yaw), jnp.sin(yaw)
    x, y, z = vector
    return cos * x - sin * z, y, sin * x + cos * z


def box_faces(box: Boxes) -> list[tuple[Components, Array]]:
    """Lists the faces of a box in its own axes, as planes dot(face, x) = limit."""
    side, front, back = box.lean[..., 0], box.lean[..., 1], box.lean[..., 2]
    return [
        ((1.0, side, 0.0), box.half_width),
        ((-1.0, side, 0.0), box.half_width),
        ((0.0, 1.0, 0.0), box.height),
        ((0.0, -1.0, 0.0), jnp.zeros_like(box.height)),
        ((0.0, front, 1.0), box.half_length),
        ((0.0, back, -1.0), box.half_length),
    ]


def box_span(origin: Rays, direction: Rays, box: Boxes) -> Span:
    """Intersects rays with one box: the half-spaces behind its six faces."""
    start = turned(box.yaw, _relative(origin, box.base))
    ray = turned(box.yaw, direction)
    enter, leave = jnp.array(-jnp.inf), jnp.array(jnp.inf)
    for face, limit in box_faces(box):
        speed = _nonzero(dot(face, ray))
        distance = (limit - dot(face, start)) / speed
        enter = jnp.maximum(enter, jnp.where(speed < 0, distance, -jnp.inf))
        leave = jnp.minimum(leave, jnp.where(speed > 0, distance, jnp.inf))
    return enter, leave


def cylinder_span(origin: Rays, direction: Rays, cylinder: Cylinders) -> Span:
    """Intersects rays with one cylinder: a tube, and the slab between its caps.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      cylinder: the cylinder.

    Returns:
      Where each ray enters and leaves the solid.
    """
    axis = [cylinder.axis[..., i] for i in range(3)]
    offset = _relative(origin, cylinder.center)
    start_along, ray_along = dot(offset, axis), dot(direction, axis)
    start = [offset[i] - start_along * axis[i] for i in range(3)]
    ray = [direction[i] - ray_along * axis[i] for i in range(3)]
    enter, leave = _ball_span(start, ray, cylinder.radius)
    speed = _nonzero(ray_along)
    low = (-cylinder.half_length - start_along) / speed
    high = (cylinder.half_length - start_along) / speed
    return (
        jnp.maximum(enter, jnp.minimum(low, high)),
        jnp.minimum(leave, jnp.maximum(low, high)),
    )


def ellipsoid_span(origin: Rays, direction: Rays, ellipsoid: Ellipsoids) -> Span:
    """Intersects rays with one ellipsoid: a unit ball after scaling."""
    scale = [1 / jnp.maximum(ellipsoid.radii[..., i], 1e-9) for i in range(3)]
    offset = _relative(origin, ellipsoid.center)
    start = [offset[i] * scale[i] for i in range(3)]
    ray = [direction[i] * scale[i] for i in range(3)]
    return _ball_span(start, ray, jnp.ones(()))


def _ball_span(start: Components, ray: Components, radius: Float[Array, "*n"]) -> Span:
    """Intersects with |x| = radius, by way of each ray's point nearest to the middle.

    The textbook's b² - ac would cancel all digits for a thin pole far away.
    """
    speed2 = jnp.maximum(dot(ray, ray), TINY)
    middle = -dot(start, ray) / speed2
    nearest = [start[i] + middle * ray[i] for i in range(3)]
    inside = radius**2 - dot(nearest, nearest)
    half = jnp.sqrt(jnp.maximum(inside, 0.0) / speed2)
    return jnp.where(inside > 0, middle - half, jnp.inf), middle + half


def _relative(origin: Rays, point: Float[Array, "*n 3"]) -> Components:
    return [origin[i] - point[..., i] for i in range(3)]


def _nonzero(value: Array) -> Array:
    return jnp.where(jnp.abs(value) < TINY, TINY, value)


def nearest_solid(origin: Rays, direction: Vectors, scene: Scene) -> Nearest:
    """Finds the distance and the number of the solid that each ray meets first.

    Goes through the solids one by one with all rays at once, which keeps the memory
    small and the arithmetic in vector registers. The distance is in units of the
    direction. Rays that meet nothing get infinity and the number `SKY`.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      scene: the scene.

    Returns:
      Distances in units of the direction, and numbers of the solids.
    """
    falls = direction[1] < 0
    to_ground = -origin[1] / jnp.where(falls, direction[1], -1.0)
    nearest = jnp.where(falls, to_ground, jnp.inf), jnp.where(falls, GROUND, SKY)
    first = GROUND + 1
    for span, solids in _kinds(scene):
        numbers = first + jnp.arange(len(solids.surface.material))

        def meet(
            nearest: Nearest,
            numbered: tuple[Array, Any],
            span: Callable[..., Span] = span,
        ) -> tuple[Nearest, None]:
            number, solid = numbered
            distance = _entry(span(origin, direction, solid))
            # A branch, so that XLA does not compute the span once for each output.
            is_nearer = jnp.any(distance < nearest[0])
            return jax.lax.cond(
                is_nearer, _nearer, lambda old, *_: old, nearest, distance, number
            ), None

        nearest, _ = jax.lax.scan(meet, nearest, (numbers, solids))
        first += len(numbers)
    return nearest


def _kinds(scene: Scene) -> list[tuple[Callable[..., Span], Any]]:
    """Lists the solids in the order of their numbers, and how to intersect them."""
    return [
        (box_span, scene.boxes),
        (cylinder_span, scene.cylinders),
        (ellipsoid_span, scene.ellipsoids),
    ]


def _entry(span: Span) -> Distances:
    """Returns the distance at which rays enter a solid, infinite where they do not."""
    enter, leave = span
    return jnp.where((enter < leave) & (enter > NEAREST), enter, jnp.inf)


def _nearer(nearest: Nearest, distance: Distances, number: Int[Array, ""]) -> Nearest:
    least, of_number = nearest
    return jnp.minimum(least, distance), jnp.where(distance < least, number, of_number)


def is_blocked(origin: Rays, direction: Rays, scene: Scene) -> Bool[Array, " n"]:
    """Returns which rays meet any solid except the ground: shadows.

    Much faster with one direction (3, 1) for all, as of the sun's.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      scene: the scene.

    Returns:
      The mask.
    """
    blocked = jnp.zeros(jnp.broadcast_shapes(origin.shape, direction.shape)[1:], bool)
    for span, solids in _kinds(scene):

        def meet(
            blocked: Array, solid: Any, span: Callable[..., Span] = span
        ) -> tuple[Array, None]:
            entry = _entry(span(origin, direction, solid))
            return blocked | jnp.isfinite(entry), None

        blocked, _ = jax.lax.scan(meet, blocked, solids)
    return blocked


def footprint_distance(point: Vectors, boxes: Boxes) -> Distances:
    """Measures how far points frame, on the map, from any box that rises above them."""

    def measure(least: Distances, box: Boxes) -> tuple[Distances, None]:
        x, _, z = turned(box.yaw, _relative(point, box.base))
        beside_x = jnp.maximum(jnp.abs(x) - box.half_width, 0.0)
        beside_z = jnp.maximum(jnp.abs(z) - box.half_length, 0.0)
        rises = box.base[..., 1] + box.height > point[1] + 0.05
        distance = jnp.where(rises, jnp.hypot(beside_x, beside_z), jnp.inf)
        return jnp.minimum(least, distance), None

    return jax.lax.scan(measure, jnp.full(point.shape[1:], jnp.inf), boxes)[0]
