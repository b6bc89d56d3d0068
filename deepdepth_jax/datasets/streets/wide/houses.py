"""Buildings of the wide world: along the road, behind it, and afar."""

from typing import Any

import numpy as np
from jaxtyping import Float

from deepdepth_jax.datasets.streets.buildings import (
    TILE_COLORS,
    TRIM_COLORS,
    WALL_COLORS,
)
from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.parts import UP, Parts
from deepdepth_jax.datasets.streets.wide.solids import Material

MORE_WALLS = [
    [0.28, 0.09, 0.06],
    [0.20, 0.20, 0.21],
    [0.12, 0.12, 0.13],
    [0.55, 0.50, 0.35],
    [0.15, 0.20, 0.28],
    [0.72, 0.70, 0.66],
    [0.25, 0.22, 0.18],
    [0.30, 0.12, 0.10],
]


def add_houses(
    draws: Draws,
    parts: Parts,
    ground: Float[np.ndarray, "n 3"],
    size: tuple[Any, Any, Any],
    yaw: Any,
) -> None:
    """Builds houses with their roofs.

    Args:
      draws: random numbers.
      parts: where to.
      ground: middles of the houses on the ground.
      size: half width, height of the walls and half length. Metres.
      yaw: of the length.
    """
    count = len(ground)
    if not count:
        return
    group = parts.groups(count)
    half_width, height, half_length = (np.broadcast_to(v, (count,)) for v in size)
    color = draws.colors(WALL_COLORS + MORE_WALLS, count, 0.35)
    walls = _walls(draws, color)
    base = ground - 0.5 * UP
    parts.boxes(
        base, (half_width, height + 0.5, half_length), walls, yaw=yaw, group=group
    )
    is_pitched = (height < 12) & draws.chance(0.65, count)
    is_along = draws.chance(0.65, count)
    eaves = np.where(is_pitched, 0.35, 0.12)
    width, length = half_width + eaves, half_length + eaves / 2
    slope = draws.uniform(0.45, 1.0, count)
    flat = draws.uniform(0.2, 0.7, count)
    rise = np.where(
        is_pitched, np.minimum(slope * np.where(is_along, width, length), 5), flat
    )
    hip = np.where(draws.chance(0.3, count), 0.5, 0.0)
    sides = is_pitched * is_along * width / rise
    ends = is_pitched * np.where(is_along, hip, 1.0) * length / rise
    tiles = draws.colors(TILE_COLORS, count, 0.4)
    roof = np.where(is_pitched[:, None], tiles, color * 0.9)
    parts.boxes(
        base + (height + 0.5)[:, None] * [0, 1, 0],
        (width, rise, length),
        Finish(Material.ROOF, roof, color),
        yaw=yaw,
        lean=np.stack([sides, ends, ends], -1),
        group=group,
    )


def _walls(draws: Draws, color: np.ndarray) -> Finish:
    """Covers walls with windows, or for some with bricks, sheets or nothing."""
    count = len(color)
    material = np.array(
        [Material.FACADE, Material.MASONRY, Material.RIBBED, Material.PLAIN]
    )
    kind = material[draws.picks([0.8, 0.07, 0.06, 0.07], count)]
    windows = np.stack(
        [
            draws.uniform(1.6, 4.2, count),
            draws.uniform(2.6, 3.6, count),
            draws.uniform(0.25, 0.8, count),
            draws.uniform(0.0, 0.8, count),
        ],
        -1,
    )
    bricks = np.broadcast_to([0.25, 0.08, 0.012, 0.5], (count, 4))
    sheets = np.broadcast_to([0.3, 1.0, 0.4, 0.05], (count, 4))
    plaster = np.broadcast_to([0.3, 1.0, 0.0, 0.0], (count, 4))
    tables = np.stack([windows, bricks, sheets, plaster])
    which = np.array([list(material).index(k) for k in kind])
    accent = draws.colors(TRIM_COLORS, count)
    accent = np.where((kind == Material.MASONRY)[:, None], 0.35 + 0.3 * color, accent)
    return Finish(kind, color, accent, tables[which, np.arange(count)])
