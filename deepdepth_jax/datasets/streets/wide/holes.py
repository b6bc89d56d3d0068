"""Where the shells of the wide world are pierced: leaves, slats, meshes."""

from typing import Any

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
from deepdepth_jax.datasets.streets.noise import cell_noise
from deepdepth_jax.datasets.streets.patches import wrapped
from deepdepth_jax.datasets.streets.wide.solids import Holes, Pierce


def entry(origin: Rays, direction: Rays, span: Span, pierce: Pierce) -> Distances:
    """Computes where rays meet a solid, pierced or not. Infinite where they do not.

    Args:
      origin: start of the rays, metres.
      direction: directions of the rays.
      span: where rays enter and leave the solid.
      pierce: the holes in the solid.

    Returns:
      Distances in units of the direction.
    """
    outer = solid_entry(span)

    def of_shell() -> Distances:
        enter, leave = span
        ends = []
        for end in span:
            meets = (enter < leave) & (end > NEAREST)
            at = jnp.where(meets, end, 0.0)
            meets &= ~is_open(origin + at[None] * direction, pierce)
            ends.append(jnp.where(meets, at, jnp.inf))
        return jnp.minimum(*ends)

    # The holes are worth a look only where there are any.
    is_shell = (pierce.kind != Holes.NONE) & jnp.any(span[0] < span[1])
    return jax.lax.cond(is_shell, of_shell, lambda: outer)


def solid_entry(span: Span) -> Distances:
    """Computes where rays meet a solid without holes."""
    enter, leave = span
    return jnp.where((enter < leave) & (enter > NEAREST), enter, jnp.inf)


def is_open(point: Vectors, pierce: Pierce) -> Bool[Array, " n"]:
    """Finds the points of a shell that are holes."""
    leaves = _between_leaves(point, pierce)
    mesh = _between_slats(point[0] + point[2], pierce)
    mesh &= _between_slats(point[1], pierce)
    slats = _between_slats(point[0] + point[2], pierce)
    return jnp.select(
        [pierce.kind == Holes.LEAVES, pierce.kind == Holes.MESH], [leaves, mesh], slats
    )


def _between_leaves(point: Vectors, pierce: Pierce) -> Bool[Array, " n"]:
    """Opens random cells, some of them in clumps, of a warped lattice."""
    x, y, z = (v / pierce.size for v in point)
    x, y, z = x + 0.6 * _wave(0.37 * y), y + 0.6 * _wave(0.41 * z), z + _wave(0.33 * x)
    leaf = cell_noise(*(_cell(v) for v in (x, y, z)))
    twig = cell_noise(*(_cell(v / 4) for v in (x, y, z)))
    bough = cell_noise(*(_cell(v / 11) for v in (x, y, z)))
    return 0.4 * leaf + 0.3 * twig + 0.3 * bough < pierce.share


def _wave(x: Float[Array, " n"]) -> Float[Array, " n"]:
    """Rises and falls between 0 and 1, once in every unit."""
    return jnp.abs(2 * wrapped(x, 1.0) - 1)


def _cell(x: Float[Array, " n"]) -> Any:
    return jnp.floor(x).astype(jnp.int32)


def _between_slats(along: Float[Array, " n"], pierce: Pierce) -> Bool[Array, " n"]:
    return wrapped(along / pierce.size, 1.0) < pierce.share
