"""Trees, bushes, hedges and thickets of the wide world: shells with gaps for light."""

from typing import Any

import numpy as np
from jaxtyping import Float

from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.parts import UP, Parts
from deepdepth_jax.datasets.streets.wide.solids import Holes, Material

LEAVES = [
    [0.05, 0.10, 0.015],
    [0.07, 0.12, 0.02],
    [0.04, 0.08, 0.02],
    [0.10, 0.13, 0.025],
    [0.10, 0.11, 0.03],
    [0.06, 0.09, 0.035],
    [0.05, 0.07, 0.02],
    [0.15, 0.12, 0.03],
]
TIPS = [[0.12, 0.17, 0.03], [0.17, 0.18, 0.05], [0.10, 0.15, 0.04], [0.22, 0.17, 0.04]]
BARK = [[0.10, 0.08, 0.06], [0.16, 0.13, 0.10], [0.06, 0.05, 0.04], [0.24, 0.21, 0.18]]
BLOBS = 11  # of a crown, at most
PIXEL = 0.004  # of the distance: gaps between leaves are no smaller


def leaves(draws: Draws, distance: Any, count: int, share: Any = None) -> Finish:
    """Covers solids with leaves, whose gaps are larger than pixels far away.

    Args:
      draws: source of random numbers.
      distance: distance from the camera, metres.
      count: number of solids.
      share: share of the gaps.

    Returns:
      The surface.
    """
    distance = np.broadcast_to(distance, (count,))
    size = np.maximum(draws.uniform(0.05, 0.13, count), PIXEL * distance)
    if share is None:
        share = draws.uniform(0.25, 0.5, count)
    pattern = np.stack([size, 0 * size, 0 * size, 0 * size], -1)
    return Finish(
        Material.FOLIAGE,
        np.zeros((count, 3)),
        np.zeros((count, 3)),
        pattern,
        Holes.LEAVES,
        size,
        share,
    )


def _colored(draws: Draws, finish: Finish, per_plant: int) -> Finish:
    """Colours plants, each of several solids."""
    count = len(finish.color) // per_plant
    color = np.repeat(draws.colors(LEAVES, count, 0.35), per_plant, 0)
    accent = np.repeat(draws.colors(TIPS, count, 0.3), per_plant, 0)
    shade = np.exp(draws.uniform(-0.2, 0.2, (len(color), 1)))
    return finish._replace(color=color * shade, accent=accent * shade)


def add_trees(
    draws: Draws, parts: Parts, foot: Float[np.ndarray, "n 3"], height: Any
) -> None:
    """Plants trees: a trunk that leans a little, branches, and a ragged crown.

    Args:
      draws: source of random numbers.
      parts: collects the solids.
      foot: places on the ground, metres.
      height: heights, metres.
    """
    count = len(foot)
    if not count:
        return
    group = parts.groups(count)
    height = np.broadcast_to(height, (count,)).astype(float)
    lean = draws.uniform(-0.05, 0.05, (count, 3)) * [1, 0, 1]
    fork = foot + (lean + UP) * (height * draws.uniform(0.3, 0.5, count))[:, None]
    bark = Finish(
        Material.PLAIN, draws.colors(BARK, count), pattern=(0.7, 0.3, 0.0, 0.0)
    )
    thick = height * draws.uniform(0.013, 0.026, count)
    parts.bars(foot - 0.2 * UP, fork, thick, bark, group)
    wide = height * draws.uniform(0.2, 0.42, count)
    for _ in range(2):
        reach = draws.uniform(-0.6, 0.6, (count, 3)) * [1, 0, 1] * wide[:, None]
        tip = fork + reach + UP * (0.35 * height)[:, None]
        parts.bars(fork - 0.2 * UP, tip, 0.5 * thick, bark, group)
    _add_crowns(draws, parts, foot, (height, wide, fork[:, 1] - foot[:, 1]), group)


def _add_crowns(
    draws: Draws, parts: Parts, foot: np.ndarray, size: Any, group: np.ndarray
) -> None:
    """Clusters blobs between the fork and the top: round, pointed or slim crowns."""
    height, wide, fork = size
    shape = len(foot), BLOBS
    level, angle = draws.uniform(shape=shape), draws.uniform(0.0, 2 * np.pi, shape)
    spread = wide[:, None] * _profile(draws, level) * draws.uniform(0.4, 0.8, shape)
    y = fork[:, None] + (0.1 + 0.76 * level) * (height - fork)[:, None]
    place = np.stack([spread * np.cos(angle), y, spread * np.sin(angle)], -1)
    # Few blobs make a crown afar; they are larger then.
    blobs = np.clip(240 / (np.abs(foot[:, 2]) + 12), 4, BLOBS)
    radius = wide * (BLOBS / blobs) ** 0.3
    radii = radius[:, None, None] * draws.uniform(0.28, 0.6, (*shape, 1))
    radii = radii * draws.uniform(0.7, 1.25, (*shape, 3))
    center = (foot[:, None] + place).reshape(-1, 3)
    finish = leaves(draws, np.linalg.norm(center, axis=1), len(center))
    keep = (np.arange(BLOBS) < blobs[:, None]).ravel()
    finish = _colored(draws, finish, BLOBS).of(keep)
    parts.ellipsoids(
        center[keep], radii.reshape(-1, 3)[keep], finish, np.repeat(group, BLOBS)[keep]
    )


def _profile(draws: Draws, level: np.ndarray) -> np.ndarray:
    """Computes how far crowns reach at levels from the fork (0) to the top (1)."""
    kind = draws.picks([0.65, 0.15, 0.2], len(level))[:, None]
    rounded = np.sqrt(np.clip(1 - (1.7 * level - 0.7) ** 2, 0.1, 1.0))
    return np.select([kind == 0, kind == 1], [rounded, 1.05 - level], 0.45)


def add_bushes(
    draws: Draws, parts: Parts, foot: Float[np.ndarray, "n 3"], radii: Any
) -> None:
    """Plants bushes, or the foliage of a thicket, as single blobs on the ground.

    Args:
      draws: source of random numbers.
      parts: collects the solids.
      foot: places on the ground, metres.
      radii: radii, metres.
    """
    count = len(foot)
    if not count:
        return
    radii = np.broadcast_to(radii, (count, 3))
    center = foot + UP * (radii * draws.uniform(0.3, 0.8, (count, 1)))
    finish = leaves(
        draws, np.linalg.norm(foot, axis=1), count, draws.uniform(0.1, 0.4, count)
    )
    parts.ellipsoids(center, radii, _colored(draws, finish, 1))


def add_hedges(
    draws: Draws, parts: Parts, foot: Float[np.ndarray, "n 3"], size: Any, yaw: Any
) -> None:
    """Plants clipped hedges: boxes (half width, height, half length) of leaves.

    Args:
      draws: source of random numbers.
      parts: collects the solids.
      foot: places on the ground, metres.
      size: sizes, metres.
      yaw: headings, radians.
    """
    count = len(foot)
    half_width, height, half_length = size
    finish = leaves(
        draws, np.linalg.norm(foot, axis=1), count, draws.uniform(0.05, 0.3, count)
    )
    finish = _colored(draws, finish, 1)
    parts.boxes(foot, (half_width, height, half_length), finish, yaw=yaw)
    parts.boxes(
        foot,
        (0.75 * half_width, 0.88 * height, half_length * 0.98),
        Finish(Material.PLAIN, 0.25 * finish.color, pattern=(0.8, 1.0, 0.0, 0.0)),
        yaw=yaw,
    )
