"""The kinds of places of the wide world, and their parameters."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from deepdepth_jax.datasets.streets.wide.ground_materials import GroundMaterial

Weights = Mapping[Any, float]
Range = tuple[float, float]
GREEN: Weights = MappingProxyType(
    {GroundMaterial.GRASS: 0.6, GroundMaterial.GRAVEL: 0.2, GroundMaterial.LEAVES: 0.2}
)
ASPHALT: Weights = MappingProxyType({GroundMaterial.ASPHALT: 1.0})


class Place(NamedTuple):
    """A kind of place: ranges and weights of its parameters.

    Attributes:
      weight: relative frequency.
      lanes: lanes per direction, with weights.
      lane_m: width of a lane.
      road: materials of the road.
      parking: none, along, across or angled, at each side.
      verge_m, walk_m: widths of a strip of green, and of a pavement. 0 = none.
      setback_m: from there to the scenery behind.
      edge: none, hedge, wall, fence, rail or pillars.
      behind: houses, thicket, trees, open, wall or mixed.
      trees: density along the kerb.
      traffic, trucks: density on the lanes, and share of large vehicles.
      people: density.
      bridge, tunnel: probability of one.
    """

    weight: float
    lanes: Weights
    lane_m: Range
    road: Weights
    parking: Weights
    verge_m: Range
    walk_m: Range
    setback_m: Range
    edge: Weights
    behind: Weights
    trees: float
    traffic: float
    trucks: float
    people: float
    bridge: float = 0.0
    tunnel: float = 0.0
    land: Weights = GREEN


PLACES = {
    "city": Place(
        1.2,
        {1: 0.6, 2: 0.4},
        (2.8, 3.6),
        {GroundMaterial.ASPHALT: 0.85, GroundMaterial.COBBLES: 0.15},
        {"none": 0.35, "along": 0.5, "angled": 0.15},
        (0.0, 0.0),
        (1.5, 4.0),
        (0.0, 1.5),
        {"none": 0.8, "pillars": 0.1, "fence": 0.1},
        {"houses": 0.9, "mixed": 0.1},
        0.35,
        0.5,
        0.15,
        0.8,
        0.08,
        0.03,
        {GroundMaterial.SLABS: 0.8, GroundMaterial.ASPHALT: 0.2},
    ),
    "residential": Place(
        1.3,
        {1: 1.0},
        (2.3, 3.2),
        {GroundMaterial.ASPHALT: 0.9, GroundMaterial.SLABS: 0.1},
        {"none": 0.3, "along": 0.6, "across": 0.1},
        (0.0, 1.5),
        (0.0, 2.4),
        (1.0, 9.0),
        {"none": 0.3, "hedge": 0.35, "wall": 0.2, "fence": 0.15},
        {"houses": 0.75, "mixed": 0.25},
        0.45,
        0.25,
        0.08,
        0.4,
    ),
    "green": Place(
        1.3,
        {1: 1.0},
        (2.6, 3.5),
        ASPHALT,
        {"none": 0.3, "along": 0.25, "across": 0.3, "angled": 0.15},
        (0.0, 4.0),
        (0.0, 3.0),
        (0.5, 6.0),
        {"none": 0.5, "hedge": 0.25, "wall": 0.1, "fence": 0.15},
        {"thicket": 0.55, "mixed": 0.3, "houses": 0.15},
        0.8,
        0.25,
        0.08,
        0.25,
    ),
    "arterial": Place(
        1.2,
        {2: 0.7, 3: 0.3},
        (3.0, 3.7),
        ASPHALT,
        {"none": 0.85, "along": 0.15},
        (0.0, 5.0),
        (0.0, 3.0),
        (1.0, 12.0),
        {"none": 0.4, "rail": 0.25, "fence": 0.1, "wall": 0.15, "hedge": 0.1},
        {"houses": 0.3, "thicket": 0.25, "mixed": 0.3, "open": 0.15},
        0.4,
        0.85,
        0.35,
        0.15,
        0.3,
        0.05,
    ),
    "motorway": Place(
        0.5,
        {2: 0.6, 3: 0.4},
        (3.4, 3.8),
        {GroundMaterial.ASPHALT: 0.7, GroundMaterial.CONCRETE: 0.3},
        {"none": 1.0},
        (1.0, 4.0),
        (0.0, 0.0),
        (2.0, 15.0),
        {"rail": 0.75, "wall": 0.2, "none": 0.05},
        {"thicket": 0.4, "open": 0.4, "wall": 0.2},
        0.1,
        0.8,
        0.4,
        0.0,
        0.35,
        0.06,
    ),
    "country": Place(
        0.9,
        {1: 1.0},
        (2.5, 3.4),
        {GroundMaterial.ASPHALT: 0.85, GroundMaterial.GRAVEL: 0.15},
        {"none": 1.0},
        (0.5, 3.0),
        (0.0, 0.0),
        (1.0, 10.0),
        {"none": 0.6, "fence": 0.2, "rail": 0.1, "hedge": 0.1},
        {"open": 0.5, "thicket": 0.25, "mixed": 0.25},
        0.35,
        0.25,
        0.15,
        0.05,
        0.03,
        0.0,
        {
            GroundMaterial.GRASS: 0.6,
            GroundMaterial.CROPS: 0.25,
            GroundMaterial.GRAVEL: 0.15,
        },
    ),
    "forest": Place(
        0.5,
        {1: 1.0},
        (2.4, 3.4),
        {GroundMaterial.ASPHALT: 0.85, GroundMaterial.GRAVEL: 0.15},
        {"none": 0.9, "along": 0.1},
        (0.3, 2.5),
        (0.0, 0.0),
        (0.0, 3.0),
        {"none": 0.8, "rail": 0.2},
        {"thicket": 0.8, "trees": 0.2},
        0.9,
        0.25,
        0.1,
        0.05,
        0.0,
        0.0,
        {GroundMaterial.GRASS: 0.4, GroundMaterial.LEAVES: 0.6},
    ),
    "alley": Place(
        0.6,
        {1: 1.0},
        (1.5, 2.3),
        {
            GroundMaterial.ASPHALT: 0.5,
            GroundMaterial.COBBLES: 0.3,
            GroundMaterial.SLABS: 0.1,
            GroundMaterial.CONCRETE: 0.1,
        },
        {"none": 0.7, "along": 0.3},
        (0.0, 0.0),
        (0.0, 1.2),
        (0.0, 0.3),
        {"none": 0.5, "wall": 0.3, "hedge": 0.1, "pillars": 0.1},
        {"houses": 0.85, "wall": 0.15},
        0.05,
        0.15,
        0.1,
        0.5,
    ),
    "square": Place(
        0.5,
        {1: 0.5, 2: 0.3, 3: 0.2},
        (3.0, 3.8),
        {
            GroundMaterial.ASPHALT: 0.5,
            GroundMaterial.SLABS: 0.25,
            GroundMaterial.COBBLES: 0.25,
        },
        {"none": 0.4, "across": 0.4, "angled": 0.2},
        (0.0, 2.0),
        (2.0, 8.0),
        (5.0, 40.0),
        {"none": 0.85, "pillars": 0.15},
        {"houses": 0.6, "mixed": 0.4},
        0.25,
        0.3,
        0.15,
        0.9,
        0.0,
        0.0,
        {
            GroundMaterial.SLABS: 0.5,
            GroundMaterial.ASPHALT: 0.3,
            GroundMaterial.GRAVEL: 0.2,
        },
    ),
}
