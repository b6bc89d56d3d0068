"""Cars, vans and bicycles of the wide world."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.parts import Parts
from deepdepth_jax.datasets.streets.wide.solids import Holes, Material

CAR_COLORS = [
    [0.62, 0.62, 0.62],
    [0.75, 0.75, 0.74],
    [0.30, 0.31, 0.32],
    [0.13, 0.135, 0.14],
    [0.05, 0.05, 0.055],
    [0.02, 0.02, 0.023],
    [0.025, 0.045, 0.14],
    [0.28, 0.025, 0.025],
    [0.08, 0.14, 0.30],
    [0.03, 0.10, 0.06],
    [0.33, 0.28, 0.20],
    [0.12, 0.02, 0.03],
    [0.18, 0.19, 0.33],
    [0.55, 0.20, 0.03],
    [0.60, 0.50, 0.05],
]
RUBBER, RIM = (0.018,) * 3, (0.30,) * 3


class Spots(NamedTuple):
    """Vehicles on the ground: below their middles, and where they head."""

    ground: Float[np.ndarray, "n 3"]
    yaw: Float[np.ndarray, " n"]

    def moved(self, right: Any, up: Any, forward: Any) -> Float[np.ndarray, "n 3"]:
        """Computes points of the vehicles' own axes."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        x = cos * right + sin * forward
        z = -sin * right + cos * forward
        return self.ground + np.stack(np.broadcast_arrays(x, up, z), -1)

    @property
    def across(self) -> Float[np.ndarray, "n 3"]:
        """The vehicles' axes to the right."""
        zero = np.zeros_like(self.yaw)
        return np.stack([np.cos(self.yaw), zero, -np.sin(self.yaw)], -1)


# Half width and length, clearance, top of the body. Height, shift and half length of
# the cabin, its leans (side, front, back). Run and drop of the bonnet. Wheels' radius.
CARS = [
    [0.82, 1.85, 0.20, 0.92, 0.55, -0.30, 1.42, 0.28, 0.85, 0.35, 0.95, 0.16, 0.29],
    [0.84, 2.00, 0.18, 0.90, 0.56, -0.30, 1.50, 0.28, 0.95, 0.45, 1.00, 0.14, 0.30],
    [0.88, 2.30, 0.18, 0.90, 0.53, -0.25, 1.50, 0.30, 1.15, 1.00, 1.15, 0.14, 0.31],
    [0.90, 2.35, 0.18, 0.90, 0.56, -0.50, 1.75, 0.28, 1.05, 0.45, 1.15, 0.14, 0.32],
    [0.94, 2.25, 0.24, 1.05, 0.66, -0.40, 1.75, 0.22, 0.80, 0.28, 1.05, 0.12, 0.36],
    [0.88, 2.05, 0.20, 1.02, 0.62, -0.15, 1.75, 0.24, 1.00, 0.25, 0.80, 0.24, 0.31],
    [0.78, 1.60, 0.20, 0.95, 0.58, -0.10, 1.35, 0.22, 0.80, 0.20, 0.60, 0.20, 0.27],
    [0.97, 2.60, 0.22, 1.15, 0.90, -0.25, 2.30, 0.12, 0.80, 0.06, 0.95, 0.22, 0.34],
    [1.00, 2.95, 0.24, 1.20, 1.30, -0.20, 2.70, 0.08, 0.60, 0.03, 0.75, 0.25, 0.36],
]


def add_cars(draws: Draws, parts: Parts, spots: Spots) -> None:
    """Builds cars and vans: a body, a cabin of glass, four wheels.

    Args:
      draws: source of random numbers.
      parts: collects the solids.
      spots: places and headings.
    """
    count = len(spots.yaw)
    if not count:
        return
    model = draws.rows(CARS, count) * np.exp(draws.normal(0.025, shape=(count, 1)))
    width, length, clearance, top, tall, shift, cabin, *lean, run, drop, wheel = model.T
    group = parts.groups(count)
    color = draws.colors(CAR_COLORS, count)
    axle = 0.63 * length
    zero = np.zeros(count)
    pattern = np.stack([axle, wheel, clearance, zero], -1)
    soft = draws.uniform(0.05, 0.16, count)
    bevel = [soft, 2.5 * soft, run, drop, soft, 2 * soft, 2 * soft]
    parts.hulls(
        spots.moved(0.0, clearance, 0.0),
        (width, top - clearance, length),
        Finish(Material.CAR_BODY, color, pattern=pattern),
        yaw=spots.yaw,
        lean=np.stack([zero + 0.06, zero + 0.12, zero + 0.10], -1),
        bevel=np.stack(bevel, -1),
        group=group,
    )
    low = 0.03  # the cabin is sunk into the body
    bevel = [
        0.7 * soft + 0.03,
        0.5 * soft,
        soft + 0.1,
        soft / 2,
        soft,
        soft / 2,
        soft / 3,
    ]
    parts.hulls(
        spots.moved(0.0, top - low, shift),
        (width - 0.06 * (top - clearance), tall + low, cabin),
        Finish(Material.CAR_CABIN, color),
        yaw=spots.yaw,
        lean=np.stack(lean, -1),
        bevel=np.stack(bevel, -1),
        group=group,
    )
    add_wheels(parts, spots, (width, wheel), (axle, -axle), group)


def add_wheels(
    parts: Parts, spots: Spots, size: tuple[Any, Any], axles: Any, group: Any
) -> None:
    """Adds wheels (half width of the vehicle, radius) at both ends of axles.

    Args:
      parts: collects the solids.
      spots: places and headings.
      size: sizes, metres.
      axles: positions of the axles, metres.
      group: numbers of groups. Solids of one group are left out together.
    """
    half_width, radius = (np.broadcast_to(v, spots.yaw.shape) for v in size)
    thickness = 0.09 + 0.1 * (radius > 0.42)
    beside = half_width - thickness + 0.01
    ends = [(side, axle) for axle in axles for side in (-1, 1)]
    center = [spots.moved(side * beside, radius, axle) for side, axle in ends]
    wheels = len(ends)
    parts.cylinders(
        np.concatenate(center),
        np.tile(spots.across, (wheels, 1)),
        (np.tile(radius, wheels), np.tile(thickness, wheels)),
        Finish(Material.WHEEL, RUBBER, RIM),
        group=np.tile(group, wheels),
    )


def add_two_wheelers(draws: Draws, parts: Parts, spots: Spots) -> None:
    """Builds bicycles: wheels with spokes, and a frame.

    Args:
      draws: source of random numbers.
      parts: collects the solids.
      spots: places and headings.
    """
    count = len(spots.yaw)
    if not count:
        return
    group = parts.groups(count)
    color = draws.colors(CAR_COLORS, count)
    frame = Finish(Material.PLAIN, color, pattern=(0.1, 1.0, 0.1, 0.0))
    for axle in (-0.52, 0.52):
        finish = Finish(
            Material.PLAIN,
            (0.05,) * 3,
            pattern=(0.2, 1.0, 0.05, 0.0),
            holes=Holes.MESH,
            hole_size=0.11,
            hole_share=0.75,
        )
        parts.cylinders(
            spots.moved(0.0, 0.34, axle),
            spots.across,
            (0.34, 0.015),
            finish,
            group=group,
        )
    joints = [(0.34, -0.52), (0.55, -0.1), (0.9, -0.2), (0.85, 0.42), (0.34, 0.52)]
    for (up, ahead), (next_up, next_ahead) in (
        (joints[0], joints[1]),
        (joints[1], joints[2]),
        (joints[2], joints[3]),
        (joints[3], joints[4]),
        (joints[1], joints[3]),
    ):
        parts.bars(
            spots.moved(0.0, up, ahead),
            spots.moved(0.0, next_up, next_ahead),
            0.02,
            frame,
            group,
        )
    bars = spots.moved(0.0, 1.02, 0.4)
    parts.bars(
        bars - 0.27 * spots.across, bars + 0.27 * spots.across, 0.015, frame, group
    )
