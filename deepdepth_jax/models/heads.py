"""Heads: three interpretations of the network's output as depth."""

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
from deepdepth_jax.config import Config


@dataclasses.dataclass(frozen=True)
class Head(abc.ABC):
    """Interprets the channels of the network's output.

    The output is turned into scores, and the scores of a pixel into its posterior: the
    predictive distribution over the bins or, for regression, the logarithm of depth.
    Views of an image are averaged as posteriors.

    Attributes:
      bins: the range of depth, and its classes where there are any.
      has_distribution: whether the posterior is a distribution over the bins, which
        confidence can be computed from.
    """

    bins: DepthBins
    has_distribution: ClassVar[bool] = True

    @property
    @abc.abstractmethod
    def channels(self) -> int:
        """The number of channels of the network's output."""

    def scores(self, outputs: Float[Array, "*n c"]) -> Float[Array, "*n m"]:
        """Computes the scores, linearly: here, the output itself.

        As it is linear, this is done before the output is upsampled to the image's
        size, where there are fewer pixels.
        """
        return outputs

    @abc.abstractmethod
    def posterior(self, scores: Float[Array, "*n m"]) -> Float[Array, "*n m"]:
        """Computes the posterior of each pixel from its scores."""

    @abc.abstractmethod
    def rescaled(
        self, posterior: Float[Array, "*n m"], factor: float
    ) -> Float[Array, "*n m"]:
        """Computes the posterior of the same scene with all depths times `factor`."""

    @abc.abstractmethod
    def depth_m(
        self, posterior: Float[Array, "*n m"], decode: Decoding
    ) -> Float[Array, "*n"]:
        """Decodes the posterior to one depth, in metres."""


class _OverBins(Head):
    """A head whose posterior is a distribution over the bins."""

    def rescaled(
        self, posterior: Float[Array, "*n k"], factor: float
    ) -> Float[Array, "*n k"]:
        """See `DepthBins.rescaling_matrix`."""
        matrix = jnp.asarray(self.bins.rescaling_matrix(factor))
        return jnp.matmul(posterior, matrix, precision=jax.lax.Precision.HIGHEST)

    def depth_m(
        self, posterior: Float[Array, "*n k"], decode: Decoding
    ) -> Float[Array, "*n"]:
        """See `DepthBins.decode`."""
        return self.bins.decode(posterior, decode)


class Classification(_OverBins):
    """One logit a bin. The bins exclude each other (the paper)."""

    @property
    def channels(self) -> int:
        """K."""
        return self.bins.num_bins

    def posterior(self, scores: Float[Array, "*n k"]) -> Float[Array, "*n k"]:
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
        """Computes the logit of lying beyond each bin: "yes" minus "no"."""
        pairs = outputs.reshape(*outputs.shape[:-1], self.bins.num_bins, 2)
        return pairs[..., 1] - pairs[..., 0]

    def posterior(self, scores: Float[Array, "*n k"]) -> Float[Array, "*n k"]:
        """Combines the K binary probabilities into one distribution over the bins.

        The network may contradict itself: a depth may be likelier to lie beyond 20 m
        than beyond 10 m. Sorted in falling order, the probabilities are the nearest
        ones without contradictions (Chernozhukov et al. 2010). Sorting keeps how many
        of them are 1/2 or more, which is DORN's prediction (eq. 5. `count` of
        `DepthBins.decode`). The steps between neighbours are the probabilities of the
        bins. The last bin has all that lies beyond it. No probability is below the
        resolution of float32 near 1.

        No gradient passes through: the loss is taken of the binary probabilities.
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
    """One number: the logarithm of depth, relative to the middle of the bins.

    It has no confidence, and decodes to the same depth for every `decode`.
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

    def posterior(self, scores: Float[Array, "*n 1"]) -> Float[Array, "*n 1"]:
        """Computes ln depth. A score of 0 is `middle`."""
        return scores + self.middle

    def rescaled(
        self, posterior: Float[Array, "*n 1"], factor: float
    ) -> Float[Array, "*n 1"]:
        """Adds the factor's logarithm."""
        return posterior + math.log(factor)

    def depth_m(
        self, posterior: Float[Array, "*n 1"], decode: Decoding
    ) -> Float[Array, "*n"]:
        """Computes the depth, clipped to the range of the bins."""
        del decode
        range_m = self.bins.min_depth_m, self.bins.max_depth_m
        return jnp.clip(jnp.exp(posterior[..., 0]), *range_m)


HEADS: Mapping[str, type[Head]] = MappingProxyType(
    {
        "classification": Classification,
        "ordinal": Ordinal,
        "regression": Regression,
    }
)


def build_bins(config: Config) -> DepthBins:
    """Builds the bins that the section `bins` describes."""
    bins = config.bins
    return DepthBins(bins.kind, bins.num_bins, bins.min_depth_m, bins.max_depth_m)


def build_head(config: Config) -> Head:
    """Builds the head that `model.head` names."""
    return HEADS[config.model.head](build_bins(config))
