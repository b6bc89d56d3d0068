"""Ray intersection with perforated shells: leaves, slats, meshes."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from deepdepth_jax.datasets.streets.geometry import (
    NEAREST,
    Distances,
    Rays,
    Span,
    Vectors,
)
from deepdepth_jax.datasets.streets.patches import wrapped
from deepdepth_jax.datasets.streets.wide.solids import Holes, Perforation
from deepdepth_jax.datasets.streets.wide.value_noise import cell_level

BOUGH = 6  # leaves wide


def entry(
    origin: Rays, direction: Rays, span: Span, perforation: Perforation
) -> Distances:
    """Computes the distance at which rays hit a solid, perforated or not.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      span: where rays enter and leave the solid.
      perforation: the holes in the solid.

    Returns:
      Distances in units of the direction.
    """
    enter, leave = span

    def of_shell() -> Distances:
        ends = [_where_closed(origin, direction, end, perforation) for end in span]
        return jnp.where(enter < leave, jnp.minimum(*ends), jnp.inf)

    return _of_either(span, perforation, of_shell)


def first_entry(
    origin: Rays, direction: Rays, span: Span, perforation: Perforation
) -> Distances:
    """Computes where rays meet the first side of a solid: enough for shadows."""
    enter, leave = span

    def of_shell() -> Distances:
        first = jnp.where(enter > NEAREST, enter, leave)
        first = _where_closed(origin, direction, first, perforation)
        return jnp.where(enter < leave, first, jnp.inf)

    return _of_either(span, perforation, of_shell)


def _of_either(
    span: Span, perforation: Perforation, of_shell: Callable[[], Distances]
) -> Distances:
    """Looks at holes only where there are any."""
    whole = solid_entry(span)
    is_shell = (perforation.kind != Holes.NONE) & jnp.any(span[0] < span[1])
    return jax.lax.cond(is_shell, of_shell, lambda: whole)


def _where_closed(
    origin: Rays, direction: Rays, distance: Distances, perforation: Perforation
) -> Distances:
    """Makes distances infinite that are of holes, or behind."""
    is_ahead = (distance > NEAREST) & (distance < jnp.inf)
    at = jnp.where(is_ahead, distance, 0.0)
    closed = ~is_open(origin + at[None] * direction, perforation)
    return jnp.where(is_ahead & closed, distance, jnp.inf)


def solid_entry(span: Span) -> Distances:
    """Computes where rays meet a solid without holes."""
    enter, leave = span
    return jnp.where((enter < leave) & (enter > NEAREST), enter, jnp.inf)


def whole_entry(
    origin: Rays, direction: Rays, span: Span, perforation: Perforation
) -> Distances:
    """Computes where rays meet a solid as if it had no holes."""
    del origin, direction, perforation
    return solid_entry(span)


def is_open(point: Vectors, perforation: Perforation) -> Bool[Array, " n"]:
    """Finds the points of a shell that are holes."""
    kinds = (_between_leaves, _between_slats, _within_mesh)
    index = perforation.kind.astype(jnp.int32) - Holes.LEAVES
    return jax.lax.switch(index, kinds, point, perforation)


def _between_leaves(point: Vectors, perforation: Perforation) -> Bool[Array, " n"]:
    """Opens random cells, and the more of them in open boughs, of a warped lattice."""
    x, y, z = (v / perforation.size for v in point)
    x, y, z = x + 0.6 * _wave(0.37 * y), y + 0.6 * _wave(0.41 * z), z + _wave(0.33 * x)
    leaf = cell_level(x, y, z)
    bough = cell_level(*(v / BOUGH for v in (x, y, z)))
    return 0.55 * leaf + 0.45 * bough < perforation.share


def _between_slats(point: Vectors, perforation: Perforation) -> Bool[Array, " n"]:
    return wrapped((point[0] + point[2]) / perforation.size, 1.0) < perforation.share


def _within_mesh(point: Vectors, perforation: Perforation) -> Bool[Array, " n"]:
    is_between = wrapped(point[1] / perforation.size, 1.0) < perforation.share
    return is_between & _between_slats(point, perforation)


def _wave(x: Float[Array, " n"]) -> Float[Array, " n"]:
    """Rises and falls between 0 and 1, once in every unit."""
    return jnp.abs(2 * wrapped(x, 1.0) - 1)
