"""Random numbers on the host, which no version of NumPy changes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

Numbers = Float[np.ndarray, "..."]
Shape = tuple[int, ...] | int | np.integer
POOL = 4096


def sized(shape: Shape) -> tuple[int, ...]:
    """Reads a shape, or a count, as a shape."""
    return tuple(shape) if isinstance(shape, tuple) else (int(shape),)


class Draws:
    """Deals random numbers that a few integers decide.

    All are made from the raw bits of PCG64, whose stream NumPy keeps for good. The
    streams of `numpy.random.Generator` may change between versions.
    """

    def __init__(self, *seed: int):
        self._bits = np.random.PCG64(np.random.SeedSequence(seed))
        self._pool: Float[np.ndarray, " n"] = np.zeros(0)
        self._dealt = 0

    def uniform(self, low: Any = 0.0, high: Any = 1.0, shape: Shape = ()) -> Any:
        """Deals numbers in [low, high)."""
        shape = sized(shape)
        if not shape:
            return low + (high - low) * self._deal(1)[0]
        return low + (np.asarray(high) - low) * self._deal(math.prod(shape)).reshape(
            shape
        )

    def _deal(self, count: int) -> Float[np.ndarray, " n"]:
        """Deals numbers in [0, 1) of a pool that is filled many at once."""
        if self._dealt + count > len(self._pool):
            raw = self._bits.random_raw(max(POOL, count))
            self._pool, self._dealt = (raw >> np.uint64(11)) * 2.0**-53, 0
        self._dealt += count
        return self._pool[self._dealt - count : self._dealt]

    def log_uniform(self, low: float, high: float, shape: Shape = ()) -> Any:
        """Deals numbers in [low, high) whose logarithm is uniform."""
        return np.exp(self.uniform(math.log(low), math.log(high), shape))

    def normal(
        self, deviation: float = 1.0, limit: float = 3.0, shape: Shape = ()
    ) -> Any:
        """Deals numbers about 0, none of them beyond `limit` deviations.

        They are sums of six uniform numbers, close to a normal distribution.
        """
        sums = self.uniform(-1.0, 1.0, (*sized(shape), 6)).sum(-1) / math.sqrt(2)
        return deviation * np.clip(sums, -limit, limit)

    def chance(self, probability: Any, shape: Shape = ()) -> Any:
        """Deals truths of the given probability."""
        return self.uniform(shape=shape) < probability

    def sign(self, shape: Shape = ()) -> Any:
        """Deals -1 and 1 evenly."""
        return np.where(self.chance(0.5, shape), 1.0, -1.0)

    def integers(self, low: int, high: int, shape: Shape = ()) -> Any:
        """Deals integers from low to high, both included."""
        numbers = np.floor(self.uniform(low, high + 1, shape)).astype(int)
        return numbers if np.ndim(numbers) else int(numbers)

    def pick(self, weights: Mapping[Any, float]) -> Any:
        """Deals one of the keys, by weight."""
        bounds = np.cumsum(list(weights.values()))
        index = np.searchsorted(bounds, self.uniform(0.0, bounds[-1]), side="right")
        return list(weights)[index]

    def picks(self, weights: Sequence[float], count: int) -> Int[np.ndarray, " n"]:
        """Deals indices, by weight."""
        bounds = np.cumsum(weights)
        places = self.uniform(0.0, bounds[-1], count)
        return np.searchsorted(bounds, places, side="right")

    def rows(self, table: Sequence[Sequence[float]], shape: Shape = ()) -> Numbers:
        """Deals rows of a table evenly."""
        return np.asarray(table)[self.integers(0, len(table) - 1, shape)]

    def colors(
        self,
        palette: Sequence[Sequence[float]],
        shape: Shape = (),
        spread: float = 0.25,
    ) -> Numbers:
        """Deals linear RGB near that of a palette, lighter or darker, and tinted."""
        shape = sized(shape)
        shade = np.exp(self.uniform(-spread, spread, (*shape, 1)))
        tint = np.exp(self.uniform(-spread / 4, spread / 4, (*shape, 3)))
        return np.clip(self.rows(palette, shape) * shade * tint, 0.004, 0.9)
