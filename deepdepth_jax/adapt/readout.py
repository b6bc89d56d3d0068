"""The readout of pseudo-labels: a label and its confidence for every pixel."""

import dataclasses
from typing import ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int32

from deepdepth_jax.bins import weighted_sum
from deepdepth_jax.inference.steps import Distributions, Step
from deepdepth_jax.types import AnyArray


@flax.struct.dataclass
class PixelLabels:
    """Labels of some pixels.

    Attributes:
      label: bins.
      confidence: probability of the bins about the label.
    """

    label: Int32[AnyArray, "*n"]
    confidence: Float32[AnyArray, "*n"]


@dataclasses.dataclass(frozen=True)
class LabelStep(Step[PixelLabels]):
    """Labels every pixel by the network's own distributions, at no temperature.

    Attributes:
      window_bins: bins about a label whose probability is its confidence, odd.
      thresholds: of each bin: the label is the bin whose confidence is the largest
        multiple of its threshold (CBST, Zou et al. 2018, eq. 9), among all but the
        last. Empty: the most probable bin. A pixel whose most probable bin is the last
        one has that label either way.
    """

    window_bins: int
    thresholds: tuple[float, ...] = ()
    reads_own: ClassVar[bool] = True

    def read(self, distributions: Distributions) -> PixelLabels:
        """Labels the pixels of some rows."""
        own = distributions.own
        assert own is not None, "no CRF refines what is labelled"
        label = jnp.argmax(own, axis=-1).astype(jnp.int32)
        if self.thresholds:
            label = self._reweighted(own, label)
        return PixelLabels(label, self._confidence(own, label))

    def _reweighted(
        self, own: Float[Array, "*n k"], label: Int32[Array, "*n"]
    ) -> Int32[Array, "*n"]:
        last = own.shape[-1] - 1
        window = jnp.asarray(window_matrix(last + 1, self.window_bins))
        mass = jnp.matmul(own, window, precision=jax.lax.Precision.HIGHEST)
        weights = 1 / np.asarray(self.thresholds[:last], np.float32)
        multiples = mass[..., :last] * jnp.broadcast_to(
            weights, (*own.shape[:-1], last)
        )
        chosen = jnp.argmax(multiples, axis=-1).astype(jnp.int32)
        return jnp.where(label == last, label, chosen)

    def _confidence(
        self, own: Float[Array, "*n k"], label: Int32[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """Sums the probability of the bins about the label."""
        rows = jnp.asarray(window_matrix(own.shape[-1], self.window_bins))
        return weighted_sum(own * rows[label])


def window_matrix(num_bins: int, window_bins: int) -> Float32[np.ndarray, "k k"]:
    """Builds the matrix whose row l marks the bins about bin l."""
    apart = np.abs(np.subtract.outer(np.arange(num_bins), np.arange(num_bins)))
    return (apart <= window_bins // 2).astype(np.float32)
