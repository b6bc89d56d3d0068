"""What the network's output stands for: three ways to say a depth."""

import abc
import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from deepdepth_jax.bins import Decoding, DepthBins


@dataclasses.dataclass(frozen=True)
class Head(abc.ABC):
    """Gives the channels of the network's output a meaning.

    Of the network's output, scores are made, and of these at a pixel what the network
    believes of it: a distribution over bins, or the logarithm of depth. Beliefs are
    what views of a picture are averaged in.

    Attributes:
      bins: the range of depth, and its classes where there are any.
      has_distribution: whether the belief is a distribution over the bins, off which
        confidence can be read.
    """

    bins: DepthBins
    has_distribution: ClassVar[bool] = True

    @property
    @abc.abstractmethod
    def channels(self) -> int:
        """How many channels the network's output has."""

    def scores(self, outputs: Float[Array, "*n c"]) -> Float[Array, "*n m"]:
        """Makes the scores, linearly: the output itself, if nothing else is said.

        They are taken before the output is brought to the picture's size, where they
        are fewer, and are the same.
        """
        return outputs

    @abc.abstractmethod
    def belief(self, scores: Float[Array, "*n m"]) -> Float[Array, "*n m"]:
        """Turns the scores of each pixel into what the network believes there."""

    @abc.abstractmethod
    def moved(
        self, belief: Float[Array, "*n m"], factor: float
    ) -> Float[Array, "*n m"]:
        """Gives the same belief of a world so many times larger."""

    @abc.abstractmethod
    def depth_m(
        self, belief: Float[Array, "*n m"], decode: Decoding
    ) -> Float[Array, "*n"]:
        """Decides for a depth, in metres."""


class _OverBins(Head):
    """A head whose belief is a distribution over the bins."""

    def moved(
        self, belief: Float[Array, "*n k"], factor: float
    ) -> Float[Array, "*n k"]:
        """See `DepthBins.moved`."""
        matrix = jnp.asarray(self.bins.moved(factor))
        return jnp.matmul(belief, matrix, precision=jax.lax.Precision.HIGHEST)

    def depth_m(
        self, belief: Float[Array, "*n k"], decode: Decoding
    ) -> Float[Array, "*n"]:
        """See `DepthBins.decode`."""
        return self.bins.decode(belief, decode)


class Classification(_OverBins):
    """One logit a bin; the bins exclude each other (the paper)."""

    @property
    def channels(self) -> int:
        """K."""
        return self.bins.num_bins

    def belief(self, scores: Float[Array, "*n k"]) -> Float[Array, "*n k"]:
        """Takes the softmax."""
        return jax.nn.softmax(scores)


class Ordinal(_OverBins):
    """Two logits a bin: does the depth lie beyond it or not? (DORN, Fu et al. 2018).

    Channels 2k and 2k + 1 are the logits of "no" and of "yes" for bin k (eq. 4).
    """

    @property
    def channels(self) -> int:
        """2 K."""
        return 2 * self.bins.num_bins

    def scores(self, outputs: Float[Array, "*n c"]) -> Float[Array, "*n k"]:
        """Gives the logit of lying beyond each bin: that of "yes" less that of "no"."""
        pairs = outputs.reshape(*outputs.shape[:-1], self.bins.num_bins, 2)
        return pairs[..., 1] - pairs[..., 0]

    def belief(self, scores: Float[Array, "*n k"]) -> Float[Array, "*n k"]:
        """Makes one distribution of the K answers.

        The answers are not bound to agree: a depth may seem likelier to lie beyond 20 m
        than beyond 10 m. Put in falling order they are the nearest that do agree
        (Chernozhukov et al. 2010), and as many of them are 1/2 or more as before, which
        is what DORN counts (eq. 5; `DepthBins.decode` has it as `count`). Their steps
        are the probabilities of the bins; what lies beyond the last counts to it. None
        is less than float32 resolves of a probability near 1.

        No gradient goes through it: what is learnt are the answers.
        """
        falling = _sorted(jax.nn.sigmoid(scores))[..., :0:-1]
        sides = [(0, 0)] * (falling.ndim - 1)
        before = jnp.pad(falling, [*sides, (1, 0)], constant_values=1.0)
        after = jnp.pad(falling, [*sides, (0, 1)])
        steps = jnp.maximum(before - after, jnp.finfo(falling.dtype).eps)
        return steps / jnp.sum(steps, axis=-1, keepdims=True)


def _sorted(probabilities: Float32[Array, "*n k"]) -> Float32[Array, "*n k"]:
    """Sorts along the last axis, upwards.

    As integers, in whose order the bits of numbers from 0 on are: these XLA sorts four
    times as fast on a CPU.
    """
    bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(probabilities), jnp.int32)
    in_order = jax.lax.sort(bits, is_stable=False)
    return jax.lax.bitcast_convert_type(in_order, jnp.float32)


class Regression(Head):
    """One number: the logarithm of depth, from the middle of the bins on.

    It says nothing about how sure it is, and there is one way only to read a depth off
    it: `decode` is not looked at.
    """

    has_distribution: ClassVar[bool] = False

    @property
    def channels(self) -> int:
        """1."""
        return 1

    @property
    def middle(self) -> float:
        """The logarithm of the depth in the middle of the bin coordinate."""
        [middle_m] = self.bins.depth_at(np.array([self.bins.num_bins / 2]))
        return math.log(middle_m)

    def belief(self, scores: Float[Array, "*n 1"]) -> Float[Array, "*n 1"]:
        """Gives ln depth; a score of 0 is `middle`."""
        return scores + self.middle

    def moved(
        self, belief: Float[Array, "*n 1"], factor: float
    ) -> Float[Array, "*n 1"]:
        """Adds the factor's logarithm."""
        return belief + math.log(factor)

    def depth_m(
        self, belief: Float[Array, "*n 1"], decode: Decoding
    ) -> Float[Array, "*n"]:
        """Gives the depth, kept within the range of the bins."""
        del decode
        range_m = self.bins.min_depth_m, self.bins.max_depth_m
        return jnp.clip(jnp.exp(belief[..., 0]), *range_m)


HEADS: Mapping[str, type[Head]] = MappingProxyType(
    {
        "classification": Classification,
        "ordinal": Ordinal,
        "regression": Regression,
    }
)
