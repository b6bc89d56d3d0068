"""Scenery behind the road's edges and far away: houses, thickets, trees, hills."""

import numpy as np

from deepdepth_jax.datasets.streets.wide.barriers import STONES, pieces
from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.greenery import add_bushes, add_trees, leaves
from deepdepth_jax.datasets.streets.wide.houses import add_houses
from deepdepth_jax.datasets.streets.wide.parts import UP, Parts
from deepdepth_jax.datasets.streets.wide.plan import Plan
from deepdepth_jax.datasets.streets.wide.solids import Holes, Material

HILLS, BLOCKS = 8, 10
HILL_COLORS = [[0.05, 0.08, 0.035], [0.08, 0.10, 0.05], [0.06, 0.08, 0.06]]


def add_behind(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    """Builds the scenery behind the edge of one side, and trees along the kerb.

    Args:
      draws: source of random numbers.
      parts: the solids, which grow.
      plan: plan of the road and its sides.
      sign: -1 for the left side, 1 for the right.
    """
    behind = plan.side(sign).behind
    if behind in ("houses", "mixed"):
        _add_row(draws, parts, plan, sign, 1.0 if behind == "houses" else 0.5)
    if behind in ("thicket", "mixed"):
        _add_thicket(draws, parts, plan, sign, 1.0 if behind == "thicket" else 0.4)
    if behind == "trees" or draws.chance(0.2):
        _add_grove(draws, parts, plan, sign)
    if behind == "wall":
        _add_high_wall(draws, parts, plan, sign)
    _add_avenue(draws, parts, plan, sign)


def _add_row(
    draws: Draws, parts: Parts, plan: Plan, sign: float, density: float
) -> None:
    """Builds a row of houses whose fronts are in line, or nearly."""
    side = plan.side(sign)
    is_closed = draws.chance(0.5 if side.front_m - side.edge_m < 2 else 0.1)
    tallest = draws.log_uniform(4.0, 26.0)
    length = draws.uniform(7.0, 24.0, 12) * np.linspace(0.9, 1.6, 12)
    gap = np.full(12, 0.02) if is_closed else draws.uniform(0.5, 9.0, 12)
    along = -18.0 + draws.uniform(0.0, 8.0) + np.cumsum(length + gap) - length / 2
    stands = draws.chance(min(density * draws.uniform(0.6, 1.3), 1.0), 12)
    stands &= plan.is_clear(along, length / 2)
    half_width = draws.uniform(4.0, 8.0, 12)
    height = tallest * draws.uniform(0.55, 1.0, 12)
    back = 0.0 if is_closed else draws.uniform(0.0, 2.5, 12)
    ground = plan.course.place(along, sign * (side.front_m + half_width + back))
    size = (half_width[stands], height[stands], length[stands] / 2)
    add_houses(draws, parts, ground[stands], size, plan.course.heading(along)[stands])


def _add_thicket(
    draws: Draws, parts: Parts, plan: Plan, sign: float, density: float
) -> None:
    """Closes one side with bushes and crowns down to the ground."""
    side = plan.side(sign)
    tall = draws.log_uniform(1.5, 12.0)
    count = 34
    along = (
        -12.0
        + 130.0 * (np.arange(count) / count) ** 1.4
        + draws.uniform(-2.0, 2.0, count)
    )
    stands = draws.chance(density, count) & plan.is_clear(along, 2.0)
    along = along[stands]
    radii = np.stack(
        [
            draws.uniform(1.0, 3.2, len(along)),
            tall * draws.uniform(0.35, 0.7, len(along)),
            draws.uniform(1.6, 4.5, len(along)),
        ],
        -1,
    )
    back = draws.uniform(0.0, 2.5, len(along)) + radii[:, 0]
    add_bushes(
        draws, parts, plan.course.place(along, sign * (side.front_m + back)), radii
    )


def _add_grove(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    side = plan.side(sign)
    along = draws.uniform(-5.0, 70.0, 9)
    along = along[plan.is_clear(along, 1.0)]
    back = draws.uniform(1.0, 22.0, len(along))
    foot = plan.course.place(along, sign * (side.front_m + back))
    add_trees(draws, parts, foot, draws.uniform(5.0, 17.0, len(along)))


def _add_avenue(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    """Plants trees along the kerb."""
    side = plan.side(sign)
    if not draws.chance(side.place.trees):
        return
    count = 8
    spacing, tall = draws.uniform(5.0, 13.0), draws.log_uniform(3.5, 16.0)
    along = draws.uniform(-6.0, 6.0) + spacing * np.arange(count)
    along += draws.uniform(-1.5, 1.5, count)
    stands = plan.is_clear(along, 0.8) & draws.chance(draws.uniform(0.4, 1.0), count)
    along = along[stands]
    beside = side.kerb_m + side.track_m + max(side.verge_m / 2, 0.7)
    foot = plan.course.place(along, sign * beside)
    add_trees(draws, parts, foot, tall * draws.uniform(0.75, 1.25, len(along)))


def _add_high_wall(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    """Builds a retaining wall, a noise barrier or a hall."""
    foot, half, yaw = pieces(plan, sign * (plan.side(sign).front_m + 0.5))
    color = draws.colors([*STONES, [0.1, 0.14, 0.1], [0.3, 0.3, 0.32]])
    block = draws.uniform(0.4, 2.5)
    finishes = (
        Finish(Material.MASONRY, color, 0.6 * color, (block, block / 2, 0.03, 0.4)),
        Finish(
            Material.RIBBED, color, pattern=(draws.uniform(0.2, 1.0), 1.0, 0.4, 0.03)
        ),
        Finish(Material.PLAIN, color, pattern=(0.4, 0.4, 0.0, 0.0)),
    )
    finish = finishes[draws.integers(0, 2)]
    parts.boxes(foot - 1 * UP, (0.5, draws.uniform(3.0, 8.0), half), finish, yaw=yaw)


def add_afar(draws: Draws, parts: Parts, plan: Plan) -> None:
    """Fills the view behind: blocks, lines of trees, hills.

    Args:
      draws: source of random numbers.
      parts: collects the solids.
      plan: plan of the road and its sides.
    """
    course = plan.course
    density = draws.uniform()
    along, offset = draws.uniform(30.0, 190.0, BLOCKS), draws.sign(BLOCKS)
    offset = offset * draws.uniform(35.0, 130.0, BLOCKS)
    stands = draws.chance(density, BLOCKS)
    size = (
        draws.uniform(5.0, 15.0, BLOCKS),
        draws.log_uniform(4.0, 30.0, BLOCKS),
        draws.uniform(6.0, 20.0, BLOCKS),
    )
    add_houses(
        draws,
        parts,
        course.place(along, offset)[stands],
        tuple(v[stands] for v in size),
        draws.uniform(-0.6, 0.6, BLOCKS)[stands],
    )
    count = 26
    along, offset = (
        draws.uniform(60.0, 200.0, count),
        draws.uniform(-150.0, 150.0, count),
    )
    keep = (np.abs(offset) > 25.0) & draws.chance(draws.uniform(), count)
    keep |= along > 150.0  # the road's far end
    radii = np.stack(
        [
            draws.uniform(4.0, 14.0, count),
            draws.uniform(3.0, 10.0, count),
            draws.uniform(3.0, 8.0, count),
        ],
        -1,
    )
    add_bushes(draws, parts, course.place(along, offset)[keep], radii[keep])
    _add_hills(draws, parts, plan)


def _add_hills(draws: Draws, parts: Parts, plan: Plan) -> None:
    """Closes the view with wooded hills, far beyond the depth cap."""
    x, z = draws.uniform(-300.0, 300.0, HILLS), draws.uniform(230.0, 420.0, HILLS)
    height = draws.uniform(4.0, 30.0, HILLS) * draws.uniform(0.2, 1.2)
    wide = draws.uniform(60.0, 150.0, HILLS)
    finish = leaves(draws, z, HILLS)._replace(
        color=draws.colors(HILL_COLORS, HILLS), holes=Holes.NONE
    )
    finish = finish._replace(accent=1.6 * finish.color)
    center = np.stack([x, plan.course.height(z), z], -1)
    parts.ellipsoids(center, np.stack([wide, height, np.full(HILLS, 40.0)], -1), finish)
