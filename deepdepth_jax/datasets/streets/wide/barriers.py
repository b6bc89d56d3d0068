"""Edges of roads and plots: walls, fences, hedges, rails, pillars."""

from typing import Any

import numpy as np

from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.greenery import add_hedges
from deepdepth_jax.datasets.streets.wide.parts import UP, Parts
from deepdepth_jax.datasets.streets.wide.plan import Plan
from deepdepth_jax.datasets.streets.wide.solids import Holes, Material

BEGIN_M, END_M = -20.0, 150.0
STONES = [
    [0.33, 0.30, 0.26],
    [0.30, 0.13, 0.09],
    [0.42, 0.40, 0.37],
    [0.22, 0.21, 0.20],
]
WOODS = [[0.20, 0.14, 0.09], [0.30, 0.24, 0.17], [0.12, 0.11, 0.10], [0.5, 0.5, 0.48]]
METALS = [[0.30, 0.31, 0.32], [0.10, 0.11, 0.11], [0.05, 0.09, 0.06], [0.4, 0.4, 0.4]]


def pieces(plan: Plan, offset: Any, length_m: float = 10.0) -> tuple[Any, Any, Any]:
    """Cuts a line along the road into straight pieces, with gaps at the crossings.

    Returns:
      The middles of the pieces on the ground, their half lengths and their yaws.
    """
    bounds = np.linspace(BEGIN_M, END_M, round((END_M - BEGIN_M) / length_m) + 1)
    along, half = (bounds[1:] + bounds[:-1]) / 2, np.diff(bounds) / 2
    keep = plan.is_clear(along, half)
    along, half = along[keep], half[keep]
    heading = plan.course.heading(along)
    foot = plan.course.place(along, offset)
    return foot, half / np.maximum(np.cos(heading), 0.5) + 0.02, heading


def add_edge(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    """Builds the barrier at the edge of one side.

    Args:
      draws: source of random numbers.
      parts: the solids, which grow.
      plan: plan of the road and its sides.
      sign: -1 for the left side, 1 for the right.
    """
    side = plan.side(sign)
    kinds = {
        "hedge": _hedge,
        "wall": _wall,
        "fence": _fence,
        "rail": _rail,
        "pillars": _pillars,
    }
    if side.edge in kinds:
        kinds[side.edge](draws, parts, plan, sign * (side.edge_m + 0.3))


def _with_gaps(draws: Draws, line: Any, share: float) -> tuple[Any, Any, Any]:
    foot, half, yaw = line
    keep = draws.chance(1 - share, len(yaw))
    return foot[keep], half[keep], yaw[keep]


def _hedge(draws: Draws, parts: Parts, plan: Plan, offset: float) -> None:
    foot, half, yaw = _with_gaps(draws, pieces(plan, offset), draws.uniform(0.0, 0.4))
    height = draws.uniform(0.7, 2.6) * draws.uniform(0.9, 1.1, len(yaw))
    add_hedges(draws, parts, foot, (draws.uniform(0.3, 0.7), height, half), yaw)


def _wall(draws: Draws, parts: Parts, plan: Plan, offset: float) -> None:
    foot, half, yaw = _with_gaps(draws, pieces(plan, offset), draws.uniform(0.0, 0.3))
    if not len(yaw):
        return
    height = draws.uniform(0.6, 3.5)
    color = draws.colors(STONES)
    block = draws.uniform(0.2, 0.7)
    finishes = (
        Finish(Material.MASONRY, color, 0.6 * color, (block, block / 2.5, 0.02, 0.6)),
        Finish(Material.PLAIN, color, pattern=(0.4, 0.6, 0.0, 0.0)),
        Finish(Material.RIBBED, color, pattern=(0.3, 1.0, 0.4, 0.02)),
    )
    finish = finishes[draws.pick({0: 0.5, 1: 0.35, 2: 0.15})]
    parts.boxes(foot - 0.3 * UP, (0.14, height + 0.3, half), finish, yaw=yaw)
    parts.boxes(
        foot + height * UP,
        (0.18, 0.08, half),
        Finish(Material.PLAIN, 0.9 * color, pattern=(0.3, 1, 0, 0)),
        yaw=yaw,
    )


def _fence(draws: Draws, parts: Parts, plan: Plan, offset: float) -> None:
    foot, half, yaw = _with_gaps(draws, pieces(plan, offset), draws.uniform(0.0, 0.3))
    if not len(yaw):
        return
    height = draws.uniform(0.9, 2.2)
    is_wood = draws.chance(0.5)
    finish = Finish(
        Material.PLAIN,
        draws.colors(WOODS if is_wood else METALS),
        pattern=(0.4, 0.3, 0.0, 0.0),
        holes=Holes.SLATS if is_wood or draws.chance(0.5) else Holes.MESH,
        hole_size=draws.uniform(0.12, 0.3),
        hole_share=draws.uniform(0.15, 0.75),
    )
    parts.boxes(foot + 0.06 * UP, (0.015, height, half), finish, yaw=yaw)
    rail = finish._replace(holes=Holes.NONE)
    for level in (0.2, 0.92):
        parts.boxes(foot + level * height * UP, (0.03, 0.06, half), rail, yaw=yaw)
    ends = np.stack([np.sin(yaw), 0 * yaw, np.cos(yaw)], -1) * half[:, None]
    parts.posts(foot + ends, np.full(len(yaw), height + 0.1), 0.05, rail)


def _rail(draws: Draws, parts: Parts, plan: Plan, offset: float) -> None:
    """Builds a guard rail of steel on posts, or a barrier of concrete."""
    foot, half, yaw = pieces(plan, offset)
    if draws.chance(0.25):
        finish = Finish(
            Material.PLAIN, draws.colors([[0.35, 0.34, 0.32]]), pattern=(0.4, 0.5, 0, 0)
        )
        parts.boxes(foot, (0.3, 0.85, half), finish, yaw=yaw, lean=(0.22, 0.0, 0.0))
        return
    steel = Finish(
        Material.PLAIN, draws.colors([[0.40, 0.41, 0.42]]), pattern=(0.25, 1.0, 0.1, 0)
    )
    for low in (0.45, 0.62):
        parts.boxes(
            foot + low * UP, (0.05, 0.14, half), steel, yaw=yaw, lean=(0.3, 0.0, 0.0)
        )
    for share in (-0.75, -0.25, 0.25, 0.75):
        along = (
            np.stack([np.sin(yaw), 0 * yaw, np.cos(yaw)], -1) * (share * half)[:, None]
        )
        near = foot[:, 2] < 50
        parts.posts((foot + along)[near], np.full(near.sum(), 0.72), 0.05, steel)


def _pillars(draws: Draws, parts: Parts, plan: Plan, offset: float) -> None:
    """Stands a row of pillars, under a ceiling as of an arcade for some."""
    spacing, height = draws.uniform(3.0, 7.0), draws.uniform(2.8, 6.0)
    along = np.arange(draws.uniform(1.0, 6.0), 60.0, spacing)
    along = along[plan.is_clear(along, 0.5)]
    foot = plan.course.place(along, offset)
    color = draws.colors(STONES)
    finish = Finish(Material.PLAIN, color, pattern=(0.35, 0.6, 0.0, 0.0))
    size = draws.uniform(0.15, 0.45)
    if draws.chance(0.5):
        parts.posts(foot, np.full(len(foot), height), size, finish)
    else:
        parts.boxes(foot, (size, height, size), finish, yaw=plan.course.heading(along))
    if draws.chance(0.6):
        foot, half, yaw = pieces(plan, offset * 1.2)
        near = foot[:, 2] < 65
        parts.boxes(
            foot[near] + height * UP,
            (0.3 * abs(offset), 0.5, half[near]),
            finish,
            yaw=yaw[near],
        )
