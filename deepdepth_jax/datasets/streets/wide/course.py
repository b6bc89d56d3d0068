"""The course of a road over the land: its bend, and its rise or fall ahead."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from deepdepth_jax.datasets.streets.geometry import NEAREST, Components, Rays, Vectors
from deepdepth_jax.types import AnyArray

Number = float | Float[AnyArray, ""]


@struct.dataclass
class Course:
    """Where the middle of a road runs, and how high the land lies.

    Works on NumPy's arrays as on JAX's.

    Attributes:
      slope: tangent of the heading that the road turns to. Positive bends right.
      turn_m: length of the turn.
      turn_at_m: where its middle is.
      rise_per_m: curvature of the land beyond `rise_from_m`. Positive climbs.
      rise_from_m: the land is level before.
      rise_to_m: the land keeps its slope beyond.
    """

    slope: Number
    turn_m: Number
    turn_at_m: Number
    rise_per_m: Number
    rise_from_m: Number
    rise_to_m: Number

    def middle(self, z: Any) -> Any:
        """Computes the x of the road's middle, 0 at z = 0."""
        return self._turned(z) - self._turned(0.0)

    def _turned(self, z: Any) -> Any:
        beyond = z - self.turn_at_m
        return self.slope / 2 * (beyond + (beyond**2 + self.turn_m**2) ** 0.5)

    def heading(self, z: Any) -> Any:
        """Computes the road's direction as a yaw, of NumPy's arrays."""
        beyond = z - self.turn_at_m
        share = 1 + beyond / (beyond**2 + self.turn_m**2) ** 0.5
        return np.arctan(self.slope / 2 * share)

    def height(self, z: Any) -> Any:
        """Computes how high the land lies."""
        rising = np.clip(z - self.rise_from_m, 0.0, self.rise_to_m - self.rise_from_m)
        beyond = np.maximum(z - self.rise_to_m, 0.0)
        return self.rise_per_m * (rising**2 / 2 + beyond * rising)

    def place(self, z: Any, offset: Any, up: Any = 0.0) -> Float[np.ndarray, "*n 3"]:
        """Computes points along and to the right of the middle, above the land."""
        parts = (self.middle(z) + offset, self.height(z) + up, z)
        return np.stack(np.broadcast_arrays(*parts), -1)


def land_distance(
    origin: Rays, direction: Vectors, course: Course
) -> Float[Array, " n"]:
    """Computes where rays meet the land, infinite where they do not.

    The land is a level plane, a parabola and an inclined plane, one behind the other.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      course: course of the road and height of the land.

    Returns:
      Distances in units of the direction.
    """
    start, stop = course.rise_from_m, course.rise_to_m
    far = course.rise_per_m * (stop - start)
    middle_height = course.rise_per_m * (stop - start) ** 2 / 2
    level = _plane_distance(origin, direction, 0.0, 0.0)
    incline = _plane_distance(origin, direction, far, middle_height - far * stop)
    distances = [
        (level, -jnp.inf, start),
        (incline, stop, jnp.inf),
        *((root, start, stop) for root in _parabola(origin, direction, course)),
    ]
    nearest = jnp.full(direction.shape[1:], jnp.inf)
    for distance, low, high in distances:
        z = origin[2] + distance * direction[2]
        is_there = (distance > NEAREST) & (z >= low) & (z <= high)
        nearest = jnp.minimum(nearest, jnp.where(is_there, distance, jnp.inf))
    return nearest


def _plane_distance(
    origin: Rays, direction: Vectors, slope: Any, offset: Any
) -> Float[Array, " n"]:
    """Meets y = slope z + offset from above."""
    falls = direction[1] - slope * direction[2]
    above = origin[1] - slope * origin[2] - offset
    return jnp.where(falls < 0, above / jnp.where(falls < 0, -falls, 1.0), -1.0)


def _parabola(origin: Rays, direction: Vectors, course: Course) -> Components:
    """Solves y = rise / 2 (z - start)^2 without cancellation. -1 = no root."""
    z, k = origin[2] - course.rise_from_m, course.rise_per_m / 2
    a = k * direction[2] ** 2
    b = 2 * k * z * direction[2] - direction[1]
    c = k * z**2 - origin[1]
    inside = b**2 - 4 * a * c
    q = -0.5 * (b + jnp.where(b < 0, -1.0, 1.0) * jnp.sqrt(jnp.maximum(inside, 0.0)))
    roots = (_ratio(q, a), _ratio(c + jnp.zeros_like(q), q))
    return [jnp.where(inside >= 0, root, -1.0) for root in roots]


def _ratio(a: Any, b: Any) -> Array:
    return jnp.where(jnp.abs(b) > 1e-12, a / jnp.where(b == 0, 1.0, b), -1.0)


def land_normal(point: Vectors, course: Course) -> Vectors:
    """Computes the unit normals of the land."""
    z = jnp.clip(point[2], course.rise_from_m, course.rise_to_m)
    slope = course.rise_per_m * (z - course.rise_from_m)
    length = jnp.sqrt(1 + slope**2)
    return jnp.stack([jnp.zeros_like(z), 1 / length, -slope / length])
