"""Trucks and buses of the wide world."""

from typing import Any

import numpy as np

from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.parts import Parts
from deepdepth_jax.datasets.streets.wide.solids import Material
from deepdepth_jax.datasets.streets.wide.vehicles import Spots, add_wheels

BOX_COLORS = [
    [0.70, 0.70, 0.68],
    [0.55, 0.55, 0.55],
    [0.03, 0.10, 0.07],
    [0.40, 0.03, 0.03],
    [0.05, 0.09, 0.28],
    [0.55, 0.42, 0.08],
    [0.15, 0.15, 0.16],
    [0.30, 0.36, 0.42],
]
CHASSIS = (0.025, 0.025, 0.027)


def add_trucks(draws: Draws, parts: Parts, spots: Spots) -> None:
    """Builds trucks: a cab, a chassis, and a box, a flat bed or a tank."""
    for i in range(len(spots.yaw)):
        one = Spots(spots.ground[i : i + 1], spots.yaw[i : i + 1])
        group = parts.groups(1)
        if draws.chance(0.25):
            _add_bus(draws, parts, one, group)
        else:
            _add_truck(draws, parts, one, group)


def _add_truck(draws: Draws, parts: Parts, one: Spots, group: Any) -> None:
    width, length = draws.uniform(1.1, 1.27), draws.uniform(2.8, 7.0)
    cab, tall = draws.uniform(0.9, 1.2), draws.uniform(1.9, 3.1)
    nose = length - cab
    color = draws.colors(BOX_COLORS, 1)
    parts.hulls(
        one.moved(0.0, 0.55, nose),
        (width, tall, cab),
        Finish(Material.CAR_CABIN, color),
        yaw=one.yaw,
        lean=(0.02, 0.08, 0.0),
        bevel=(0.1, 0.1, 0.25, 0.4, 0.001, 0.001, 0.12),
        group=group,
    )
    parts.boxes(
        one.moved(0.0, 0.45, nose),
        (width + 0.01, 0.45 * tall, cab),
        Finish(Material.CAR_BODY, color, pattern=(0.3, 0.5, 0.45, 0.0)),
        yaw=one.yaw,
        group=group,
    )
    parts.boxes(
        one.moved(0.0, 0.5, 0.0),
        (0.45 * width, 0.5, length - 0.1),
        Finish(Material.PLAIN, CHASSIS, pattern=(0.4, 1.0, 0.05, 0.0)),
        yaw=one.yaw,
        group=group,
    )
    room = length - cab - 0.1
    _add_load(draws, parts, one, (width, room, -cab), group)
    parts.boxes(
        one.moved(0.0, 0.45, -length + 0.08),
        (0.95 * width, 0.16, 0.06),
        Finish(Material.SIGN, (0.4, 0.03, 0.03), (0.5, 0.5, 0.5)),
        yaw=one.yaw,
        group=group,
    )
    axles = (nose - 0.1, -0.45 * length, -0.45 * length - 1.15)[: draws.integers(2, 3)]
    add_wheels(parts, one, (width, draws.uniform(0.42, 0.52)), axles, group)


def _add_load(
    draws: Draws, parts: Parts, one: Spots, room: tuple[float, float, float], group: Any
) -> None:
    """Puts a box, a tipper's tub, a bare bed or a tank on a truck."""
    width, half_length, shift = room
    color, accent = draws.colors(BOX_COLORS, 1), draws.colors(BOX_COLORS, 1)
    kind = draws.pick({"box": 0.5, "tub": 0.2, "bed": 0.1, "tank": 0.2})
    if kind == "tank":
        radius = draws.uniform(0.85, 1.2)
        forward = np.array([[np.sin(one.yaw[0]), 0.0, np.cos(one.yaw[0])]])
        finish = Finish(
            Material.PLAIN,
            draws.colors([[0.6, 0.6, 0.58], [0.4, 0.42, 0.42]], 1),
            pattern=(0.15, 1.0, 0.35, 0.0),
        )
        parts.cylinders(
            one.moved(0.0, 1.05 + radius, shift),
            forward,
            (radius, half_length),
            finish,
            group=group,
        )
        return
    height = {
        "box": draws.uniform(1.8, 2.7),
        "tub": draws.uniform(0.9, 1.5),
        "bed": 0.15,
    }
    finish = Finish(
        draws.pick({Material.PANEL: 0.6, Material.RIBBED: 0.4}),
        color,
        accent,
        (draws.uniform(0.15, 0.6), draws.uniform(), 0.1, 0.0),
    )
    flare = -0.15 if kind == "tub" else 0.0
    parts.boxes(
        one.moved(0.0, draws.uniform(0.95, 1.15), shift),
        (width + 0.04, height[kind], half_length),
        finish,
        yaw=one.yaw,
        lean=(flare, 0.0, flare),
        group=group,
    )


def _add_bus(draws: Draws, parts: Parts, one: Spots, group: Any) -> None:
    width, length, tall = 1.26, draws.uniform(4.5, 6.5), draws.uniform(2.6, 3.2)
    color = draws.colors(BOX_COLORS, 1)
    waist = draws.uniform(0.35, 0.5) * tall
    parts.hulls(
        one.moved(0.0, 0.3, 0.0),
        (width, waist, length),
        Finish(Material.CAR_BODY, color, pattern=(0.6 * length, 0.5, 0.3, 0.0)),
        yaw=one.yaw,
        bevel=(0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.15),
        group=group,
    )
    parts.hulls(
        one.moved(0.0, 0.3 + waist, 0.0),
        (width, tall - waist, length),
        Finish(Material.CAR_CABIN, color),
        yaw=one.yaw,
        lean=(0.02, 0.05, 0.02),
        bevel=(0.12, 0.12, 0.2, 0.2, 0.1, 0.1, 0.15),
        group=group,
    )
    add_wheels(parts, one, (width, 0.48), (0.6 * length, -0.55 * length), group)
