"""Which solids the rays of a tile may meet, by their bounding spheres."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from deepdepth_jax.datasets.streets.geometry import Vectors, dot

Chosen = Bool[Array, " s"]  # of the solids
Spheres = Float[Array, "s 4"]  # middle and radius; radius < 0 = absent
SLACK = 1e-3  # added to bounds, for the rounding of float32


def listed(mask: Chosen) -> tuple[Int[Array, " s"], Int[Array, ""]]:
    """Lists the indices of chosen solids.

    Args:
      mask: whether each solid is chosen.

    Returns:
      The padded indices, and their number.
    """

    def step(
        i: Int[Array, ""], found: tuple[Int[Array, " s"], Int[Array, ""]]
    ) -> tuple[Int[Array, " s"], Int[Array, ""]]:
        order, count = found
        order = jax.lax.dynamic_update_index_in_dim(order, i, count, 0)
        return order, count + mask[i].astype(jnp.int32)

    none = jnp.zeros(len(mask), jnp.int32), jnp.int32(0)
    return jax.lax.fori_loop(0, len(mask), step, none)


def in_cone(origin: Float[Array, "3"], direction: Vectors, spheres: Spheres) -> Chosen:
    """Finds the spheres that a cone about all rays from one point touches.

    Args:
      origin: of the rays, metres.
      direction: of the rays, less than a right angle from their mean.
      spheres: about the solids.

    Returns:
      A mask of the solids.
    """
    unit = direction / jnp.sqrt(dot(direction, direction))[None]
    axis = jnp.sum(unit, 1)
    axis = axis / jnp.sqrt(dot(axis, axis))
    cos_half = jnp.clip(jnp.min(dot(axis, unit)) - SLACK, 0.0, 1.0)
    away = spheres[:, :3] - origin[None]
    distance = jnp.sqrt(jnp.sum(away**2, 1))
    radius = spheres[:, 3] + SLACK
    sin_opening = jnp.clip(radius / jnp.maximum(distance, SLACK), 0.0, 1.0)
    # The cosine of half the cone's angle and half the sphere's, added.
    cos_both = cos_half * _other_side(sin_opening) - _other_side(cos_half) * sin_opening
    touches = (away @ axis > cos_both * distance) | (distance <= radius)
    return touches & (spheres[:, 3] > 0)


def _other_side(x: Array) -> Array:
    """Computes the cosine from the sine, or the sine from the cosine."""
    return jnp.sqrt(1 - x**2)


class Columns(NamedTuple):
    """Spheres as they are seen against one direction.

    Attributes:
      axes: rows are two unit vectors at right angles to the direction, and itself.
      low, high: bounds of the spheres along the axes; the last has no upper bound.
      is_there: whether the solid counts.
    """

    axes: Float[Array, "3 3"]
    low: Float[Array, "s 3"]
    high: Float[Array, "s 3"]
    is_there: Chosen


def columns_of(toward: Float[Array, "3"], spheres: Spheres, least_m: float) -> Columns:
    """Prepares the search for solids between points and a far light.

    Args:
      toward: unit vector to the light.
      spheres: about the solids.
      least_m: smaller spheres do not count.

    Returns:
      The spheres along axes of the light's.
    """
    first = jnp.cross(toward, jnp.array([1e-3, 1.0, 2e-3]))
    first = first / jnp.linalg.norm(first)
    axes = jnp.stack([first, jnp.cross(first, toward), toward])
    middle = jnp.matmul(spheres[:, :3], axes.T, precision="highest")
    radius = spheres[:, 3:] + SLACK
    return Columns(axes, middle - radius, middle + radius, spheres[:, 3] > least_m)


def in_columns(
    point: Vectors, is_wanted: Bool[Array, " n"], columns: Columns
) -> Chosen:
    """Finds the spheres that may lie between wanted points and a far light.

    Args:
      point: metres.
      is_wanted: of the points.
      columns: the spheres.

    Returns:
      A mask of the solids.
    """
    inside = jnp.matmul(columns.axes, point, precision="highest")
    low = jnp.min(jnp.where(is_wanted[None], inside, jnp.inf), 1)
    high = jnp.max(jnp.where(is_wanted[None], inside, -jnp.inf), 1)
    high = jnp.where(jnp.arange(3) == 2, jnp.inf, high)
    touches = (columns.high > low[None]) & (columns.low < high[None])
    return jnp.all(touches, 1) & columns.is_there
