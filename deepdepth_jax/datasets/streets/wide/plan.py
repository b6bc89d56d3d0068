"""The plan of a scene: its road, and the strips beside it."""

from typing import Any, NamedTuple

import numpy as np

from deepdepth_jax.datasets.streets.wide.course import Course
from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.ground import CROSSINGS
from deepdepth_jax.datasets.streets.wide.places import PLACES, Place


class Side(NamedTuple):
    """One side of a road. Distances in metres from the centre line, outwards."""

    place: Place
    lanes: int
    kerb_m: float  # end of the roadway, parking included
    parking: str
    parking_m: float  # width of the parking strip within the kerb
    verge_m: float
    walk_m: float
    track_m: float  # width of a strip with rails between kerb and verge
    edge: str
    edge_m: float  # where what marks the edge stands
    behind: str
    front_m: float  # where houses and thickets begin


class Plan(NamedTuple):
    """A road, its sides (left and right), and where other roads cross it."""

    place: Place
    course: Course
    lane_m: float
    left: Side
    right: Side
    median_m: float  # half of the strip between the directions
    crossings: np.ndarray  # rows of place, half width, zebra

    def side(self, sign: float) -> Side:
        """Looks up the side of -1 (left) or 1."""
        return self.left if sign < 0 else self.right

    def is_clear(self, along: Any, reach: Any) -> Any:
        """Finds places along the road where things of a reach leave crossings free."""
        clear = np.ones(np.shape(along), bool)
        for place, half, _ in self.crossings:
            clear &= (np.abs(along - place) > half + reach) | (half == 0)
        return clear


PARKING_M = {"none": 0.0, "along": 2.2, "across": 5.0, "angled": 4.6}


def random_plan(draws: Draws) -> Plan:
    """Draws a place, a road and its sides. One side may be of another place.

    Args:
      draws: source of random numbers.

    Returns:
      The plan.
    """
    names = {name: place.weight for name, place in PLACES.items()}
    place = PLACES[draws.pick(names)]
    lane_m = draws.uniform(*place.lane_m)
    lanes = draws.pick(place.lanes)
    has_median = lanes > 1 and draws.chance(0.5)
    median_m = draws.uniform(0.4, 2.5) if has_median else 0.0
    sides: list[Side] = []
    for lanes_here in (draws.pick(place.lanes) if draws.chance(0.3) else lanes, lanes):
        other = PLACES[draws.pick(names)] if draws.chance(0.25) else place
        sides.append(
            _random_side(draws, other, lanes_here, median_m + lane_m * lanes_here)
        )
    return Plan(
        place,
        random_course(draws),
        lane_m,
        left=sides[0],
        right=sides[1],
        median_m=median_m,
        crossings=_random_crossings(draws, place),
    )


def _random_side(draws: Draws, place: Place, lanes: int, lanes_end_m: float) -> Side:
    parking = draws.pick(place.parking)
    parking_m = PARKING_M[parking]
    kerb_m = lanes_end_m + parking_m + draws.uniform(0.1, 0.7)
    verge_m, walk_m = draws.uniform(*place.verge_m), draws.uniform(*place.walk_m)
    track_m = draws.uniform(3.2, 6.8) if draws.chance(0.08) else 0.0
    verge_m, walk_m = (0.0 if width < 0.4 else width for width in (verge_m, walk_m))
    edge_m = kerb_m + track_m + verge_m + walk_m + draws.uniform(0.2, 0.7)
    return Side(
        place,
        lanes,
        kerb_m,
        parking,
        parking_m,
        verge_m,
        walk_m,
        track_m,
        draws.pick(place.edge),
        edge_m,
        draws.pick(place.behind),
        edge_m + draws.uniform(*place.setback_m),
    )


def random_course(draws: Draws) -> Course:
    """Draws a bend and a slope, both mostly gentle.

    Args:
      draws: source of random numbers.

    Returns:
      The course.
    """
    slope = draws.uniform(-1.0, 1.0) ** 3 * 0.8
    rise = draws.uniform(-1.0, 1.0) ** 3 / 500
    start = draws.uniform(0.0, 60.0)
    return Course(
        slope=slope,
        turn_m=draws.uniform(20.0, 90.0),
        turn_at_m=draws.uniform(20.0, 110.0),
        rise_per_m=rise if draws.chance(0.6) else 0.0,
        rise_from_m=start,
        rise_to_m=start + draws.uniform(30.0, 120.0),
    )


def _random_crossings(draws: Draws, place: Place) -> np.ndarray:
    crossings = np.zeros((CROSSINGS, 3))
    likely = 0.45 if place.people > 0.2 else 0.12
    at = draws.uniform(6.0, 45.0)
    for i in range(CROSSINGS):
        half = draws.uniform(3.0, 9.0) * draws.chance(likely)
        crossings[i] = at, half, draws.uniform(0.5, 1.0) * draws.chance(0.5)
        at += draws.uniform(30.0, 70.0)
    return crossings
