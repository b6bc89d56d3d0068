"""Vegetation along a street: trees, hedges and garden walls, and hills far away."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.datasets.streets.draws import Draws
from deepdepth_jax.datasets.streets.layout import Street
from deepdepth_jax.datasets.streets.solids import (
    Boxes,
    Cylinders,
    Ellipsoids,
    Material,
    Surface,
    make_surface,
    upright,
)

TREES, HEDGES, HILLS = 14, 10, 8
CROWN = [  # middles of the blobs of a crown of radius one
    [0.0, 0.0, 0.0],
    [0.0, 0.9, 0.1],
    [0.7, 0.1, 0.3],
    [-0.7, 0.2, 0.2],
    [0.2, 0.0, -0.7],
    [0.4, 0.6, -0.3],
    [-0.4, 0.5, -0.4],
]
CROWN_RADIUS_M = 1.35
LEAF_COLORS = [
    [0.07, 0.14, 0.03],
    [0.10, 0.18, 0.04],
    [0.05, 0.11, 0.04],
    [0.15, 0.19, 0.05],
    [0.25, 0.15, 0.03],  # autumn
]
BARK_COLORS = [[0.12, 0.09, 0.06], [0.16, 0.13, 0.10], [0.09, 0.07, 0.05]]
STONE_COLORS = [[0.40, 0.37, 0.32], [0.35, 0.20, 0.15], [0.50, 0.48, 0.44]]
HILL_COLORS = [[0.07, 0.11, 0.05], [0.10, 0.13, 0.06]]


def random_trees(draws: Draws, street: Street) -> tuple[Cylinders, Ellipsoids]:
    """Plants trees at the kerb or in the gardens: trunks, and the blobs of crowns.

    Args:
      draws: source of random numbers.
      street: plan of the street.

    Returns:
      The solids, by kind.
    """
    side, along = _both_sides(draws, TREES, first=7.0, spacing=11.0, jitter=4.5)
    garden = draws.uniform((TREES,), 0.6, 1.0) * jnp.maximum(street.setback_m, 1.0)
    is_at_kerb = draws.chance((), 0.25 + 0.6 * street.urban)
    beside = jnp.where(is_at_kerb, 0.8, street.walk_m + garden)
    foot = street.place(along, side * (street.kerb(side) + beside))
    stands = draws.chance((TREES,), draws.uniform((), 0.25, 0.95))
    stands &= street.is_clear(along, 0.5)
    size = draws.uniform((TREES,), 0.75, 1.35) * stands
    trunk = draws.uniform((TREES,), 2.4, 3.6) * size
    trunks = upright(
        foot,
        1.3 * trunk,
        draws.uniform((TREES,), 0.10, 0.20) * size,
        make_surface(Material.PLAIN, draws.color((TREES,), BARK_COLORS)),
    )
    return trunks, _crowns(draws, foot, trunk, size)


def _both_sides(
    draws: Draws, count: int, first: float, spacing: float, jitter: float
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Returns sides, -1 and 1 in turn, and distances along the street."""
    side = jnp.tile(jnp.array([-1.0, 1.0]), count // 2)
    along = first + spacing * jnp.repeat(jnp.arange(count // 2), 2)
    return side, along + draws.uniform((count,), -jitter, jitter)


def _crowns(
    draws: Draws,
    foot: Float[Array, "n 3"],
    trunk: Float[Array, " n"],
    size: Float[Array, " n"],
) -> Ellipsoids:
    """Clusters blobs about the tops of trunks. Slim crowns grow upwards instead."""
    blobs = (TREES, len(CROWN), 3)
    slim = jnp.where(draws.chance((TREES,), 0.25), 0.55, 1.0)
    scale = CROWN_RADIUS_M * jnp.stack([size * slim, size / slim, size * slim], -1)
    middle = foot.at[:, 1].add(trunk + 0.9 * size / slim)
    offset = jnp.array([CROWN]) + draws.uniform(blobs, -0.3, 0.3)
    center = middle[:, None] + offset * scale[:, None]
    radii = draws.uniform(blobs, 0.5, 0.85) * scale[:, None]
    leaf = draws.color((TREES, 1), LEAF_COLORS, 0.15)
    color = leaf * draws.uniform((*blobs[:2], 1), 0.8, 1.2)
    return Ellipsoids(
        center=center.reshape(-1, 3),
        radii=radii.reshape(-1, 3),
        surface=_leaves(color.reshape(-1, 3), 4.0),
    )


def _leaves(color: Float[Array, "n 3"], leaves_per_m: float) -> Surface:
    pattern = jnp.full((len(color), 4), leaves_per_m)
    return make_surface(Material.FOLIAGE, color, pattern=pattern)


def random_hedges(draws: Draws, street: Street) -> Boxes:
    """Lines the gardens with hedges and low walls, where there are gardens.

    Args:
      draws: source of random numbers.
      street: plan of the street.

    Returns:
      The boxes.
    """
    side, along = _both_sides(draws, HEDGES, first=5.0, spacing=12.0, jitter=3.0)
    half_length = draws.uniform((HEDGES,), 2.0, 5.5)
    stands = draws.chance((HEDGES,), 0.75) & (street.setback_m > 1.8)
    stands &= street.is_clear(along, half_length)
    is_green = draws.chance((HEDGES,), 0.6)
    green = draws.color((HEDGES,), LEAF_COLORS[:3])
    stone = draws.color((HEDGES,), STONE_COLORS)
    surface = Surface(
        material=jnp.where(is_green, Material.FOLIAGE, Material.STONE),
        color=jnp.where(is_green[:, None], green, stone),
        accent=stone,
        pattern=jnp.full((HEDGES, 4), 6.0),
    )
    beside = street.kerb(side) + street.walk_m + 0.45
    return Boxes(
        base=street.place(along, side * beside),
        half_width=jnp.where(is_green, 0.4, 0.13),
        half_length=half_length,
        height=draws.uniform((HEDGES,), 0.7, 1.7) * stands,
        yaw=street.heading(along),
        lean=jnp.zeros((HEDGES, 3)),
        surface=surface,
    )


def random_hills(draws: Draws) -> Ellipsoids:
    """Closes the view with wooded hills, far beyond the depth cap."""
    across = draws.uniform((HILLS,), -260.0, 260.0)
    afar = draws.uniform((HILLS,), 230.0, 420.0)
    height = draws.uniform((HILLS,), 4.0, 26.0) * draws.uniform((), 0.3, 1.0)
    width = draws.uniform((HILLS,), 60.0, 140.0)
    return Ellipsoids(
        center=jnp.stack([across, jnp.zeros_like(across), afar], -1),
        radii=jnp.stack([width, height, jnp.full((HILLS,), 40.0)], -1),
        surface=_leaves(draws.color((HILLS,), HILL_COLORS), 0.25),
    )
