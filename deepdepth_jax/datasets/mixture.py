"""Records of one or several data sets as one endless stream, in a drawn order."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from jaxtyping import Bool, Int

from deepdepth_jax.datasets.records import Records
from deepdepth_jax.errors import UserError

STREETS = "streets"
"""The data set of rendered scenes, of which everything but the sky has a depth."""
PSEUDO = "pseudo"
"""The data set of images with pseudo-labels."""
CYCLE = 1000
"""Weights of a mixture are kept to one part in so many."""


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Records of several sources as one endless stream of places.

    The places repeat a cycle in which each part has its share, evenly spread. The n-th
    place that falls to a part takes the n-th record of its own epochs, so that each
    part is seen as it would be alone: every record once, then all again in another
    order.

    Attributes:
      parts: of which none is empty.
      part_of_slot: which part each slot of the cycle falls to.
      sky_m: depth of the sky in rendered scenes, which is all that has no ground truth
        there. 0: none.
    """

    parts: tuple[Records, ...]
    part_of_slot: Int[np.ndarray, " cycle"]
    sky_m: float = 0.0

    @classmethod
    def of(
        cls, parts: Sequence[Records], weights: Sequence[float], sky_m: float = 0.0
    ) -> "Mixture":
        """Mixes records in proportion to their weights.

        Args:
          parts: records of each source.
          weights: weight of each source.
          sky_m: see the attribute.

        Returns:
          The mixture.

        Raises:
          UserError: a part has so little weight that no slot is its.
        """
        shares = np.array(weights, np.float64) / sum(weights)
        taken = np.zeros(len(parts))
        part_of_slot = np.zeros(CYCLE, np.int64)
        for slot in range(CYCLE):
            part = np.argmax(shares * (slot + 1) - taken)  # the furthest behind
            part_of_slot[slot] = part
            taken[part] += 1
        if not taken.all():
            dataset = parts[int(np.argmin(taken))].source.dataset
            raise UserError(
                f"data.mixture.{dataset}: is below 1/{CYCLE} of the sum of all "
                "weights; raise it, or set it to 0"
            )
        return cls(tuple(parts), part_of_slot, sky_m)

    @property
    def has_pseudo_labels(self) -> bool:
        """Whether a part is made of images with pseudo-labels."""
        return any(part.source.dataset == PSEUDO for part in self.parts)

    def is_pseudo(self, positions: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Returns whether the places of the stream fall to pseudo-labelled images."""
        of_parts = np.array([part.source.dataset == PSEUDO for part in self.parts])
        return of_parts[self.part_of_slot[positions % CYCLE]]

    def load(self, position: tf.Tensor, seed: int) -> dict[str, tf.Tensor]:
        """Reads and decodes the record at a place of the stream, inside `tf.data`."""
        encoded = tf.numpy_function(
            lambda position: self._read(int(position), seed), [position], tf.string
        )
        # All data sets have the same features.
        features = self.parts[0].decode(tf.ensure_shape(encoded, []))
        if self.sky_m:
            is_sky = self._is_rendered(position) & (features["depth_m"] == 0)
            features["depth_m"] = tf.where(is_sky, self.sky_m, features["depth_m"])
        return features

    def _is_rendered(self, position: tf.Tensor) -> tf.Tensor:
        """Returns whether a place of the stream falls to a rendered scene."""
        of_parts = np.array([part.source.dataset == STREETS for part in self.parts])
        return tf.constant(of_parts[self.part_of_slot])[position % CYCLE]

    def _read(self, position: int, seed: int) -> bytes:
        """Reads the encoded record at a place of the stream."""
        cycle, slot = divmod(position, CYCLE)
        part = int(self.part_of_slot[slot])
        earlier_in_cycle, in_cycle = self._ranks
        place = cycle * int(in_cycle[part]) + int(earlier_in_cycle[slot])
        records = self.parts[part]
        epoch, place_in_epoch = divmod(place, records.count)
        order = epoch_order(seed, epoch, records.count)
        return records.read(int(order[place_in_epoch]))

    @functools.cached_property
    def _ranks(self) -> tuple[Int[np.ndarray, " cycle"], Int[np.ndarray, " parts"]]:
        """How many slots of the same part precede each slot; how many each part has."""
        is_part = self.part_of_slot[:, None] == np.arange(len(self.parts))
        until = np.cumsum(is_part, axis=0)
        return until[np.arange(CYCLE), self.part_of_slot] - 1, until[-1]


@functools.lru_cache(maxsize=8)  # of four data sets, the epochs on both sides of a turn
def epoch_order(seed: int, epoch: int, count: int) -> Int[np.ndarray, " count"]:
    """Draws the order of one epoch: the records, sorted by random 64-bit keys.

    Every pair of seed and epoch has keys of its own. NumPy keeps the bits of seed
    sequences and bit generators from release to release, and does not promise that for
    `Generator.permutation`.

    Args:
      seed: not negative.
      epoch: not negative.
      count: of records.

    Returns:
      The indices 0 to count - 1, permuted.
    """
    own_bits = np.random.SeedSequence(seed, spawn_key=(epoch,))
    return np.argsort(np.random.PCG64(own_bits).random_raw(count), kind="stable")
