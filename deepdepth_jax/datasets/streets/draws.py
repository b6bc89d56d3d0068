"""Random numbers for a scene: one pool from one key, dealt in order."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray


class Draws:
    """Deals uniform numbers from a pool that is drawn at once.

    A scene takes hundreds of draws. As one call of the generator they compile and run
    in a fraction of the time. The numbers depend on the key and the order of calls.
    """

    def __init__(self, key: PRNGKeyArray, count: int):
        self._pool = jax.random.uniform(key, (count,))
        self._dealt = 0

    def uniform(
        self,
        shape: tuple[int, ...] = (),
        low: float | Float[Array, "..."] = 0.0,
        high: float | Float[Array, "..."] = 1.0,
    ) -> Float[Array, "..."]:
        """Deals numbers in [low, high).

        Args:
          shape: shape of the array.
          low: lower bound.
          high: upper bound.

        Returns:
          The numbers.

        Raises:
          IndexError: the pool is used up.
        """
        start, self._dealt = self._dealt, self._dealt + math.prod(shape)
        if self._dealt > self._pool.size:
            raise IndexError(f"the pool holds {self._pool.size} numbers only")
        numbers = self._pool[start : self._dealt].reshape(shape)
        return low + (high - low) * numbers

    def chance(
        self, shape: tuple[int, ...], probability: float | Float[Array, "..."]
    ) -> Bool[Array, "..."]:
        """Deals truths of the given probability."""
        return self.uniform(shape) < probability

    def sign(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Deals -1 and 1 evenly."""
        return jnp.where(self.chance(shape, 0.5), 1.0, -1.0)

    def row(
        self, shape: tuple[int, ...], table: Sequence[Sequence[float]]
    ) -> Float[Array, "... columns"]:
        """Deals rows of a table evenly."""
        rows = (self.uniform(shape) * len(table)).astype(int)
        return jnp.asarray(table)[rows]

    def color(
        self,
        shape: tuple[int, ...],
        palette: Sequence[Sequence[float]],
        spread: float = 0.12,
    ) -> Float[Array, "... 3"]:
        """Deals colours near those of a palette, each a little lighter or darker."""
        shade = self.uniform((*shape, 1), 1 - spread, 1 + spread)
        tint = self.uniform((*shape, 3), 1 - spread / 4, 1 + spread / 4)
        return self.row(shape, palette) * shade * tint
