"""Street furniture: lamps, signs, traffic lights, bollards, wires, kiosks."""

from typing import Any

import numpy as np

from deepdepth_jax.datasets.streets.furniture import SIGN_COLORS
from deepdepth_jax.datasets.streets.wide.barriers import METALS
from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.parts import UP, Parts
from deepdepth_jax.datasets.streets.wide.plan import Plan
from deepdepth_jax.datasets.streets.wide.solids import Material
from deepdepth_jax.datasets.streets.wide.trucks import BOX_COLORS

METAL = (0.25, 0.3, 0.05, 0.0)


def add_furniture(draws: Draws, parts: Parts, plan: Plan) -> None:
    """Furnishes both kerbs.

    Args:
      draws: source of random numbers.
      parts: collects the solids.
      plan: plan of the road and its sides.
    """
    for sign in (-1.0, 1.0):
        if draws.chance(0.6):
            _add_lamps(draws, parts, plan, sign)
        _add_signs(draws, parts, plan, sign)
        if draws.chance(0.2):
            _add_bollards(draws, parts, plan, sign)
        if draws.chance(0.25):
            _add_boxes(draws, parts, plan, sign)
    if draws.chance(0.12):
        _add_wires(draws, parts, plan)
    _add_traffic_lights(draws, parts, plan)


def _along_kerb(
    draws: Draws, plan: Plan, sign: float, count: int, reach: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    along = draws.uniform(*reach, count)
    along = along[plan.is_clear(along, 0.6)]
    side = plan.side(sign)
    beside = side.kerb_m + draws.uniform(0.25, 1.0, len(along))
    return plan.course.place(along, sign * beside), along


def _add_lamps(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    """Stands lamps, or plain poles, in a row, some with an arm over the road."""
    spacing, height = draws.uniform(16.0, 40.0), draws.uniform(4.0, 11.0)
    along = draws.uniform(2.0, 20.0) + spacing * np.arange(5)
    foot = plan.course.place(
        along, sign * (plan.side(sign).kerb_m + draws.uniform(0.3, 1.0))
    )
    metal = Finish(Material.PLAIN, draws.colors(METALS), pattern=METAL)
    thick, tall = draws.uniform(0.06, 0.14), np.full(5, height)
    group = parts.groups(5)
    parts.posts(foot, tall, thick, metal, group)
    if draws.chance(0.7):
        arm = draws.uniform(0.4, 2.5)
        top = foot + height * UP
        parts.bars(top, top - [sign * arm, -0.15, 0], 0.05, metal, group)
        parts.boxes(top - [sign * arm, 0, 0], (0.35, 0.15, 0.14), metal, group=group)


def _add_signs(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    """Stands road signs: discs and boards that mostly face the camera."""
    foot, _ = _along_kerb(draws, plan, sign, draws.integers(0, 4), (5.0, 70.0))
    count = len(foot)
    if not count:
        return
    group = parts.groups(count)
    height = draws.uniform(1.9, 3.2, count)
    metal = Finish(Material.PLAIN, draws.colors(METALS, count), pattern=METAL)
    parts.posts(foot, height, 0.035, metal, group)
    is_board = draws.chance(0.4, count)
    tilt = draws.uniform(-0.3, 0.3, count) + np.pi * draws.chance(0.3, count)
    face = np.stack([np.sin(tilt), 0 * tilt, -np.cos(tilt)], -1)
    disc = ~is_board
    finish = Finish(
        Material.SIGN, draws.colors(SIGN_COLORS, count), np.full((count, 3), 0.7)
    )
    center = foot + UP * (height - 0.3)[:, None] + 0.05 * face
    parts.cylinders(
        center[disc],
        face[disc],
        (draws.uniform(0.26, 0.4, count)[disc], 0.01),
        finish.of(disc),
        group=group[disc],
    )
    board = Finish(
        Material.PANEL,
        draws.colors([[0.02, 0.08, 0.3], [0.6, 0.6, 0.6], [0.5, 0.4, 0.02]], count),
        draws.colors([[0.6, 0.6, 0.6], [0.02, 0.02, 0.02]], count),
        (0.09, 0.0, 0.05, 0.0),
    )
    parts.boxes(
        (center - 0.3 * UP)[is_board],
        (
            draws.uniform(0.25, 0.9, count)[is_board],
            draws.uniform(0.3, 0.9, count)[is_board],
            0.015,
        ),
        board.of(is_board),
        yaw=tilt[is_board],
        group=group[is_board],
    )


def _add_bollards(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    along = np.arange(draws.uniform(2.0, 6.0), 40.0, draws.uniform(1.5, 5.0))
    along = along[plan.is_clear(along, 0.3)]
    foot = plan.course.place(along, sign * (plan.side(sign).kerb_m + 0.35))
    finish = Finish(
        Material.PLAIN,
        draws.colors([*METALS, [0.5, 0.05, 0.03], [0.6, 0.6, 0.6]]),
        pattern=METAL,
    )
    parts.posts(
        foot,
        np.full(len(foot), draws.uniform(0.6, 1.1)),
        draws.uniform(0.04, 0.12),
        finish,
    )


def _add_boxes(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    """Stands cabinets, bins, kiosks and shelters."""
    foot, along = _along_kerb(draws, plan, sign, draws.integers(1, 4), (4.0, 45.0))
    count = len(foot)
    finish = Finish(
        Material.PANEL,
        draws.colors(BOX_COLORS, count),
        draws.colors(BOX_COLORS, count),
        (0.12, 0.5, 0.05, 0.0),
    )
    foot = foot + np.array([sign * 0.6, 0.0, 0.0])
    parts.boxes(
        foot,
        (
            draws.uniform(0.2, 0.6, count),
            draws.uniform(0.8, 2.4, count),
            draws.uniform(0.2, 1.3, count),
        ),
        finish,
        yaw=plan.course.heading(along),
    )


def _add_wires(draws: Draws, parts: Parts, plan: Plan) -> None:
    """Hangs wires along the road and across it from poles on both sides."""
    height = draws.uniform(5.0, 7.0)
    along = draws.uniform(4.0, 15.0) + draws.uniform(22.0, 40.0) * np.arange(4)
    metal = Finish(Material.PLAIN, draws.colors(METALS), pattern=METAL)
    tops = []
    for sign in (-1.0, 1.0):
        foot = plan.course.place(along, sign * (plan.side(sign).kerb_m + 0.8))
        parts.posts(foot, np.full(4, height + 0.6), 0.11, metal)
        tops.append(foot + height * UP)
    parts.bars(tops[0], tops[1], 0.012, metal)
    for offset in draws.uniform(-4.0, 4.0, 2):
        line = plan.course.place(along, offset, height - 0.3)
        parts.bars(line[:-1], line[1:], 0.012, metal)


def _add_traffic_lights(draws: Draws, parts: Parts, plan: Plan) -> None:
    for place, half, _ in plan.crossings:
        if half and draws.chance(0.5):
            for sign in (-1.0, 1.0):
                _add_traffic_light(
                    draws, parts, plan, sign, place - sign * (half + 0.6)
                )


def _add_traffic_light(
    draws: Draws, parts: Parts, plan: Plan, sign: float, along: Any
) -> None:
    foot = plan.course.place(np.array([along]), sign * (plan.side(sign).kerb_m + 0.5))
    group = parts.groups(1)
    metal = Finish(Material.PLAIN, (0.06, 0.06, 0.06), pattern=METAL)
    height = draws.uniform(2.6, 3.6)
    parts.posts(foot, np.array([height]), 0.06, metal, group)
    head = foot + (height - 0.2) * UP
    parts.boxes(head, (0.16, 0.9, 0.12), metal, group=group)
    lamp = [((0.7, 0.03, 0.02), 0.72), ((0.03, 0.5, 0.2), 0.18)][draws.integers(0, 1)]
    parts.ellipsoids(
        head + np.array([0.0, lamp[1], -0.12]),
        (0.1, 0.1, 0.03),
        Finish(Material.PLAIN, lamp[0]),
        group,
    )
