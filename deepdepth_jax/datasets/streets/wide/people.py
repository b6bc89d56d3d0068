"""People of the wide world: on pavements, on the road, on bicycles."""

from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.parts import UP, Parts
from deepdepth_jax.datasets.streets.wide.solids import Material
from deepdepth_jax.datasets.streets.wide.vehicles import Spots

COATS = [
    [0.04, 0.05, 0.08],
    [0.30, 0.04, 0.04],
    [0.07, 0.13, 0.28],
    [0.45, 0.42, 0.38],
    [0.02, 0.02, 0.022],
    [0.45, 0.28, 0.06],
    [0.60, 0.60, 0.60],
    [0.10, 0.18, 0.09],
]
TROUSERS = [
    [0.03, 0.035, 0.05],
    [0.06, 0.09, 0.17],
    [0.18, 0.15, 0.12],
    [0.3, 0.28, 0.25],
]
SKINS = [[0.45, 0.28, 0.20], [0.22, 0.13, 0.08], [0.55, 0.38, 0.28]]
CLOTH = (0.35, 1.0, 0.0, 0.0)


def add_people(draws: Draws, parts: Parts, spots: Spots, seated: bool = False) -> None:
    """Builds people: legs, arms, a trunk and a head each. Seated ones ride bicycles.

    Args:
      draws: source of random numbers.
      parts: collects the solids.
      spots: places and headings.
      seated: whether people ride bicycles.
    """
    count = len(spots.yaw)
    if not count:
        return
    group = parts.groups(count)
    size = draws.uniform(0.9, 1.1, count)
    lift = 0.25 if seated else 0.0
    ahead = 0.2 if seated else 0.0  # they lean forward
    coat = Finish(Material.PLAIN, draws.colors(COATS, count), pattern=CLOTH)
    cloth = Finish(Material.PLAIN, draws.colors(TROUSERS, count), pattern=CLOTH)
    skin = Finish(Material.PLAIN, draws.colors(SKINS, count), pattern=CLOTH)
    hip, neck = 0.88 * size + lift, 1.42 * size + lift
    stride = draws.uniform(0.05, 0.35, count)
    for side in (-1, 1):
        foot = spots.moved(0.1 * side, lift / 2, side * stride + ahead)
        parts.bars(foot, spots.moved(0.08 * side, hip, 0.0), 0.075 * size, cloth, group)
        hand = spots.moved(
            0.26 * side, 0.55 * hip + 0.45 * neck, ahead * 2 - side * stride
        )
        parts.bars(hand, spots.moved(0.2 * side, neck, ahead), 0.05 * size, coat, group)
    trunk = spots.moved(0.0, (hip + neck) / 2 + 0.02, ahead / 2)
    radii = size[:, None] * [[0.23, 0.36, 0.19]]
    parts.ellipsoids(trunk, radii, coat, group)
    head = spots.moved(0.0, neck + 0.19 * size, ahead * 1.2)
    parts.ellipsoids(head, size[:, None] * [[0.09, 0.125, 0.105]], skin, group)
    hair = Finish(Material.PLAIN, draws.colors(TROUSERS, count), pattern=CLOTH)
    parts.ellipsoids(head + 0.04 * UP, size[:, None] * [[0.095, 0.1, 0.1]], hair, group)
