"""Structures over roads: bridges, tunnels, gantries with signs."""

import numpy as np

from deepdepth_jax.datasets.streets.wide.barriers import METALS, STONES, pieces
from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.greenery import add_bushes
from deepdepth_jax.datasets.streets.wide.parts import UP, Parts
from deepdepth_jax.datasets.streets.wide.plan import Plan
from deepdepth_jax.datasets.streets.wide.solids import Holes, Material


def add_overhead(draws: Draws, parts: Parts, plan: Plan) -> None:
    """Builds the overhead structures of a place."""
    if draws.chance(plan.place.tunnel):
        _add_tunnel(draws, parts, plan)
    elif draws.chance(plan.place.bridge):
        for at in draws.uniform(8.0, 90.0, draws.integers(1, 2)):
            _add_bridge(draws, parts, plan, at)
    if draws.chance(0.3 * (plan.place.traffic > 0.7)):
        _add_gantry(draws, parts, plan, draws.uniform(12.0, 70.0))


def _add_bridge(draws: Draws, parts: Parts, plan: Plan, at: float) -> None:
    """Crosses the road with a deck on walls or pillars, under a parapet."""
    clear, deep = draws.uniform(4.2, 6.5), draws.uniform(0.7, 1.8)
    half = draws.uniform(2.0, 9.0)
    middle = plan.course.place(np.array([at]), 0.0)
    yaw = plan.course.heading(at) + draws.uniform(-0.35, 0.35)
    stone = Finish(Material.PLAIN, draws.colors(STONES), pattern=(0.4, 0.5, 0.0, 0.0))
    parts.boxes(middle + clear * UP, (60.0, deep, half), stone, yaw=yaw)
    parapet = draws.pick({0: 0.5, 1: 0.5})
    fence = stone._replace(
        holes=Holes.SLATS if parapet else Holes.NONE, hole_size=0.3, hole_share=0.7
    )
    for end in (-half, half):
        shift = np.array([np.sin(yaw), 0.0, np.cos(yaw)]) * end
        parts.boxes(
            middle + (clear + deep) * UP + shift, (60.0, 1.1, 0.08), fence, yaw=yaw
        )
    for sign in (-1.0, 1.0):
        reach = plan.side(sign).edge_m + draws.uniform(0.5, 5.0)
        foot = middle + np.array([sign * (reach + 6.0), -1.0, 0])
        if draws.chance(0.6):  # an abutment, with a bank beside it
            parts.boxes(foot, (6.0, clear + 1.0, half), stone, yaw=yaw)
            bank = middle + np.array([sign * (reach + 14.0), -1.0, half])
            parts.boxes(
                bank,
                (14.0, clear + deep, 12.0),
                Finish(Material.PLAIN, (0.09, 0.12, 0.035), pattern=(0.8, 1, 0, 0)),
                yaw=yaw,
                lean=(2.0, 1.5, 1.5),
            )
        else:
            for end in (-0.6, 0.6):
                parts.posts(
                    middle + np.array([sign * reach, 0, end * half]),
                    np.array([clear]),
                    draws.uniform(0.3, 0.6),
                    stone,
                )
    if draws.chance(0.4):
        offset = draws.uniform(-50.0, 50.0, 8)
        foot = middle + np.stack([offset, 0 * offset, 0 * offset + half + 3], -1)
        add_bushes(
            draws,
            parts,
            foot[np.abs(offset) > plan.right.edge_m],
            draws.uniform(1.0, 3.0),
        )


def _add_tunnel(draws: Draws, parts: Parts, plan: Plan) -> None:
    """Covers a stretch of the road: the camera is inside, or before the portal."""
    begin = draws.uniform(-40.0, 30.0)
    end = begin + draws.uniform(15.0, 120.0)
    clear, thick = draws.uniform(4.3, 6.5), draws.uniform(0.6, 2.5)
    stone = Finish(Material.PLAIN, draws.colors(STONES), pattern=(0.35, 0.5, 0.02, 0.0))
    wide = (plan.left.edge_m + plan.right.edge_m) / 2 + 1.2
    shift = (plan.right.edge_m - plan.left.edge_m) / 2
    foot, half, yaw = pieces(plan, shift)
    keep = (foot[:, 2] > begin) & (foot[:, 2] < end)
    foot, half, yaw = foot[keep], half[keep] + 0.3, yaw[keep]
    parts.boxes(foot + clear * UP, (wide, thick, half), stone, yaw=yaw)
    for sign in (-1.0, 1.0):
        across = np.stack([np.cos(yaw), 0 * yaw, -np.sin(yaw)], -1)
        parts.boxes(
            foot + sign * wide * across - 0.5 * UP,
            (0.3, clear + 0.6, half),
            stone,
            yaw=yaw,
        )
    lamp = Finish(Material.PLAIN, (0.9, 0.9, 0.85))
    parts.boxes(foot + (clear - 0.12) * UP, (0.15, 0.1, 0.6), lamp, yaw=yaw)


def _add_gantry(draws: Draws, parts: Parts, plan: Plan, at: float) -> None:
    """Carries boards over the road on two posts and a beam."""
    height = draws.uniform(5.2, 7.0)
    metal = Finish(Material.PLAIN, draws.colors(METALS), pattern=(0.2, 0.5, 0.05, 0.0))
    ends = [
        plan.course.place(np.array([at]), sign * (plan.side(sign).kerb_m + 0.8))
        for sign in (-1.0, 1.0)
    ]
    group = parts.groups(1)
    for foot in ends:
        parts.posts(foot, np.array([height]), 0.15, metal, group)
    parts.bars(ends[0] + height * UP, ends[1] + height * UP, 0.14, metal, group)
    finish = Finish(
        Material.PANEL,
        draws.colors([[0.02, 0.08, 0.32], [0.02, 0.2, 0.08]]),
        (0.6, 0.6, 0.6),
        (0.25, 0.0, 0.03, 0.0),
    )
    for offset in draws.uniform(-5.0, 5.0, draws.integers(1, 3)):
        foot = plan.course.place(np.array([at - 0.2]), offset, height - 1.2)
        parts.boxes(
            foot,
            (draws.uniform(0.8, 2.2), draws.uniform(1.0, 2.2), 0.04),
            finish,
            group=group,
        )
