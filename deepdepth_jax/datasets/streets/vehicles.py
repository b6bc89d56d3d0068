"""Parked and driving vehicles: a body, a cabin with glass, and two axles of wheels."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from deepdepth_jax.datasets.streets.draws import Draws
from deepdepth_jax.datasets.streets.layout import PARKING_WIDTH_M, Street
from deepdepth_jax.datasets.streets.solids import (
    Boxes,
    Cylinders,
    Material,
    join,
    make_surface,
)

PARKED = 8  # places on a side
PLACE_M = 6.3
ONCOMING_M, AHEAD_M = (11.0, 34.0, 58.0), (10.0, 36.0)  # earliest places in the lanes
DRIVING = len(ONCOMING_M) + len(AHEAD_M)
VEHICLES = 2 * PARKED + DRIVING
CLEARANCE_M = 0.22
BODY_LEAN = 0.1  # of the sides; cabins begin flush with them
AXLE_SHARE = 0.62  # of the half-length, from the middle to an axle
CAR_COLORS = [
    [0.70, 0.70, 0.70],
    [0.38, 0.39, 0.41],
    [0.16, 0.17, 0.18],
    [0.025, 0.025, 0.03],
    [0.03, 0.06, 0.20],
    [0.35, 0.03, 0.03],
    [0.10, 0.22, 0.40],
    [0.05, 0.16, 0.10],
    [0.42, 0.34, 0.22],
    [0.60, 0.16, 0.03],
]


class Model(NamedTuple):
    """Measures of vehicles, metres. Leans as in `Boxes`."""

    half_width: Float[Array, " n"]
    half_length: Float[Array, " n"]
    body_top: Float[Array, " n"]
    cabin_height: Float[Array, " n"]
    cabin_shift: Float[Array, " n"]  # forwards
    cabin_half_length: Float[Array, " n"]
    lean_side: Float[Array, " n"]
    lean_front: Float[Array, " n"]
    lean_back: Float[Array, " n"]
    wheel_radius: Float[Array, " n"]


CARS = [  # in the columns of `Model`
    [0.86, 1.95, 0.88, 0.58, -0.40, 1.50, 0.25, 0.95, 0.35, 0.30],  # hatchback
    [0.90, 2.35, 0.86, 0.54, -0.30, 1.45, 0.28, 1.15, 0.95, 0.32],  # saloon
    [0.90, 2.35, 0.88, 0.57, -0.55, 1.75, 0.25, 1.05, 0.35, 0.32],  # estate
    [0.95, 2.25, 1.02, 0.66, -0.45, 1.75, 0.20, 0.80, 0.25, 0.37],  # off-roader
    [0.98, 2.50, 1.15, 0.85, -0.20, 2.28, 0.12, 0.60, 0.03, 0.34],  # van
]
BUS = [1.24, 5.2, 1.15, 1.75, 0.0, 5.15, 0.02, 0.06, 0.02, 0.46]


@struct.dataclass
class Spots:
    """Where vehicles are: distance along the street, offset from its middle."""

    along: Float[Array, " n"]
    offset: Float[Array, " n"]
    is_oncoming: Bool[Array, " n"]
    is_taken: Bool[Array, " n"]


@struct.dataclass
class Fleet:
    """Vehicles on the ground: below their middles, and where they head."""

    ground: Float[Array, "n 3"]
    yaw: Float[Array, " n"]
    is_there: Bool[Array, " n"]
    color: Float[Array, "n 3"]

    def shifted(
        self,
        forward: float | Float[Array, " n"],
        up: float | Float[Array, " n"],
    ) -> Float[Array, "n 3"]:
        """Returns the points that lie ahead of the middles and above the ground."""
        heading = [jnp.sin(self.yaw), jnp.zeros_like(self.yaw), jnp.cos(self.yaw)]
        moved = self.ground + jnp.stack([forward * axis for axis in heading], -1)
        return moved.at[:, 1].add(up)


def random_vehicles(draws: Draws, street: Street) -> tuple[Boxes, Cylinders]:
    """Builds the vehicles: bodies and cabins, and their wheels.

    Args:
      draws: source of random numbers.
      street: plan of the street.

    Returns:
      The solids, by kind.
    """
    spots = join([_parked(draws, street), _driving(draws, street)])
    kinds = [
        draws.row((2 * PARKED,), CARS),
        draws.row((DRIVING,), [*CARS, *CARS, BUS]),
    ]
    model = Model(*jnp.concatenate(kinds).T)
    wobble = draws.uniform((VEHICLES,), -0.03, 0.03)
    fleet = Fleet(
        ground=street.place(spots.along, spots.offset),
        yaw=street.heading(spots.along) + jnp.pi * spots.is_oncoming + wobble,
        is_there=spots.is_taken,
        color=draws.color((VEHICLES,), CAR_COLORS, 0.2),
    )
    axles = [
        _axle(fleet, model, end * AXLE_SHARE * model.half_length) for end in (1, -1)
    ]
    return join([_bodies(fleet, model), _cabins(fleet, model)]), join(axles)


def _parked(draws: Draws, street: Street) -> Spots:
    """Fills part of the places at the kerbs where parking is allowed."""
    count = 2 * PARKED
    side = jnp.repeat(jnp.array([-1.0, 1.0]), PARKED)
    along = jnp.tile(jnp.arange(PARKED) * PLACE_M + 4.0, 2)
    along += draws.uniform((count,), -0.5, 0.5)
    inset = PARKING_WIDTH_M / 2 + draws.uniform((count,), -0.1, 0.15)
    is_taken = draws.chance((count,), draws.uniform((), 0.25, 0.95))
    is_taken &= jnp.repeat(street.parking, PARKED) & street.is_clear(along, 4.0)
    return Spots(
        along=along,
        offset=side * (street.kerb(side) - inset),
        is_oncoming=side < 0,
        is_taken=is_taken,
    )


def _driving(draws: Draws, street: Street) -> Spots:
    """Lets some vehicles come and others go ahead, too far apart to touch."""
    earliest = jnp.array([*ONCOMING_M, *AHEAD_M])
    is_oncoming = jnp.arange(DRIVING) < len(ONCOMING_M)
    lane = jnp.where(is_oncoming, -0.5, 0.5) * street.lane_m
    return Spots(
        along=earliest + draws.uniform((DRIVING,), 0.0, 11.0),
        offset=lane + draws.uniform((DRIVING,), -0.3, 0.3),
        is_oncoming=is_oncoming,
        is_taken=draws.chance((DRIVING,), 0.45),
    )


def _bodies(fleet: Fleet, model: Model) -> Boxes:
    axle = AXLE_SHARE * model.half_length
    zero = jnp.zeros((VEHICLES,))
    pattern = jnp.stack([axle, model.wheel_radius, zero, zero], -1)
    return Boxes(
        base=fleet.shifted(0.0, CLEARANCE_M),
        half_width=model.half_width,
        half_length=model.half_length,
        height=(model.body_top - CLEARANCE_M) * fleet.is_there,
        yaw=fleet.yaw,
        lean=jnp.tile(jnp.array([[BODY_LEAN, 0.18, 0.10]]), (VEHICLES, 1)),
        surface=make_surface(Material.CAR_BODY, fleet.color, pattern=pattern),
    )


def _cabins(fleet: Fleet, model: Model) -> Boxes:
    return Boxes(
        base=fleet.shifted(model.cabin_shift, model.body_top),
        half_width=model.half_width - BODY_LEAN * (model.body_top - CLEARANCE_M),
        half_length=model.cabin_half_length,
        height=model.cabin_height * fleet.is_there,
        yaw=fleet.yaw,
        lean=jnp.stack([model.lean_side, model.lean_front, model.lean_back], -1),
        surface=make_surface(Material.CAR_CABIN, fleet.color),
    )


def _axle(fleet: Fleet, model: Model, forward: Float[Array, " n"]) -> Cylinders:
    """Spans a vehicle with one cylinder: all but its ends is hidden by the body."""
    rubber = jnp.full((VEHICLES, 3), 0.02)
    rim = jnp.full((VEHICLES, 3), 0.35)
    right = [jnp.cos(fleet.yaw), jnp.zeros_like(fleet.yaw), -jnp.sin(fleet.yaw)]
    return Cylinders(
        center=fleet.shifted(forward, model.wheel_radius),
        axis=jnp.stack(right, -1),
        radius=model.wheel_radius * fleet.is_there,
        half_length=model.half_width + 0.01,
        surface=make_surface(Material.WHEEL, rubber, rim),
    )
