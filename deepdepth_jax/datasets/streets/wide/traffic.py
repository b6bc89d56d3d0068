"""Where vehicles and people are: parked rows, queues, lanes, pavements."""

import numpy as np

from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.parts import Parts
from deepdepth_jax.datasets.streets.wide.people import add_people
from deepdepth_jax.datasets.streets.wide.plan import Plan, Side
from deepdepth_jax.datasets.streets.wide.trucks import add_trucks
from deepdepth_jax.datasets.streets.wide.vehicles import (
    Spots,
    add_cars,
    add_two_wheelers,
)

PITCH_M = {
    "along": 6.2,
    "across": 2.6,
    "angled": 3.2,
}  # from one parked car to the next
TURN = {"along": 0.0, "across": np.pi / 2, "angled": 0.9}
PARKED = 15  # in a row, at most


def add_traffic(draws: Draws, parts: Parts, plan: Plan, own_lane: int) -> None:
    """Parks and drives vehicles. The camera's lane is free just ahead."""
    for sign in (-1.0, 1.0):
        side = plan.side(sign)
        _park(draws, parts, plan, sign)
        for lane in range(side.lanes):
            is_own = sign > 0 and lane == own_lane
            _drive(draws, parts, plan, (sign, lane), is_own)
    _ride(draws, parts, plan)
    _walk(draws, parts, plan)


def _spots(
    draws: Draws, plan: Plan, along: np.ndarray, offset: np.ndarray, turn: np.ndarray
) -> Spots:
    yaw = plan.course.heading(along) + turn + draws.normal(0.03, shape=along.shape)
    return Spots(plan.course.place(along, offset), yaw)


def _park(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    side = plan.side(sign)
    if side.parking == "none":
        return
    pitch = PITCH_M[side.parking] * draws.uniform(0.95, 1.1)
    along = draws.uniform(-6.0, 2.0) + pitch * np.arange(PARKED)
    taken = draws.chance(draws.uniform(0.3, 1.0), PARKED)
    along = along[taken & plan.is_clear(along, 2.5)]
    inset = side.parking_m / 2 + draws.uniform(-0.25, 0.2, len(along))
    turn = -sign * TURN[side.parking] + np.pi * draws.chance(0.35, len(along))
    spots = _spots(draws, plan, along, sign * (side.kerb_m - inset), turn)
    is_truck = draws.chance(0.06 * (side.parking == "along"), len(along))
    add_cars(draws, parts, Spots(spots.ground[~is_truck], spots.yaw[~is_truck]))
    add_trucks(draws, parts, Spots(spots.ground[is_truck], spots.yaw[is_truck]))


def _drive(
    draws: Draws, parts: Parts, plan: Plan, lane: tuple[float, int], is_own: bool
) -> None:
    """Fills a lane with vehicles, from a queue to a single one."""
    sign, number = lane
    density = plan.place.traffic * draws.uniform(0.2, 1.3)
    gap = draws.log_uniform(1.5, 25.0) / max(density, 0.1)
    first = draws.log_uniform(5.0, 45.0) if is_own else draws.uniform(-8.0, 14.0)
    cars: list[float] = []
    trucks: list[float] = []
    while first < 110.0 and len(cars) + len(trucks) < 9:
        is_truck = draws.chance(plan.place.trucks)
        half = 6.6 if is_truck else 2.5
        (trucks if is_truck else cars).append(first + half)
        first += 2 * half + gap * draws.uniform(0.5, 2.0)
    offset = sign * (plan.median_m + (number + 0.5) * plan.lane_m)
    for along, add in ((cars, add_cars), (trucks, add_trucks)):
        at = np.array(along)
        at = at[draws.chance(min(0.35 + density, 1.0), len(at))]
        beside = offset + draws.uniform(-0.3, 0.3, len(at))
        turn = np.full(len(at), 0.0 if sign > 0 else np.pi)
        add(draws, parts, _spots(draws, plan, at, beside, turn))


def _ride(draws: Draws, parts: Parts, plan: Plan) -> None:
    """Lets bicycles ride along the kerbs, and parks some."""
    for is_parked in (False, True):
        count = draws.integers(0, 2) * draws.chance(0.25 + 0.5 * plan.place.people)
        sign = draws.sign(count)
        along = draws.uniform(4.0, 45.0, count)
        kerb = np.where(sign < 0, plan.left.kerb_m, plan.right.kerb_m)
        beside = kerb + (draws.uniform(0.4, 1.2, count) if is_parked else -0.6)
        turn = np.where(sign < 0, np.pi, 0.0)
        spots = _spots(draws, plan, along, sign * beside, turn)
        add_two_wheelers(draws, parts, spots)
        if not is_parked:
            add_people(draws, parts, spots, seated=True)


def _walk(draws: Draws, parts: Parts, plan: Plan) -> None:
    """Lets people walk on the pavements, and some on the road."""
    count = int(draws.integers(0, 7) * plan.place.people + draws.chance(0.2))
    sign = draws.sign(count)
    along = draws.log_uniform(4.0, 50.0, count)
    beside = np.array([_pavement(draws, plan.side(s)) for s in sign])
    on_road = draws.chance(0.12, count)
    offset = np.where(on_road, draws.uniform(-4.0, 4.0, count), sign * beside)
    turn = np.pi * draws.chance(0.5, count) + draws.normal(0.6, shape=(count,))
    add_people(draws, parts, _spots(draws, plan, along, offset, turn))


def _pavement(draws: Draws, side: Side) -> float:
    start = side.kerb_m + side.track_m + side.verge_m
    return start + draws.uniform(0.2, 0.9) * max(side.walk_m, 1.0)
