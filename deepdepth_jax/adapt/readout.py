"""The readout of pseudo-labels: a label and its confidence for every pixel."""

import dataclasses
from typing import ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int32, Shaped

from deepdepth_jax.bins import weighted_sum
from deepdepth_jax.inference.steps import Distributions, Step
from deepdepth_jax.types import AnyArray
from deepdepth_jax.uncertainty.confidence import at_temperature


@flax.struct.dataclass
class PixelLabels:
    """Labels of some pixels.

    Attributes:
      label: bins.
      confidence: probability of the bins about the label.
      variance: of the soft label about the hard one, in ln depth squared. None where
        labels are hard.
    """

    label: Int32[AnyArray, "*n"]
    confidence: Float32[AnyArray, "*n"]
    variance: Float32[AnyArray, "*n"] | None = None


@dataclasses.dataclass(frozen=True)
class LabelStep(Step[PixelLabels]):
    """Labels every pixel by the network's own distributions, at no temperature.

    Takes maps (b, h, w) of the cells of rows after the images, if there is a prior.

    Attributes:
      window_bins: bins about a label whose probability is its confidence, odd.
      thresholds: of each bin: the label is the bin whose confidence is the largest
        multiple of its threshold (CBST, Zou et al. 2018, eq. 9), among all but the
        last. Empty: the most probable bin. A pixel whose most probable bin is the last
        one has that label either way.
      takes_median: the label is the bin that the median of the distribution lies in, in
        place of the most probable one.
      lrent: weight of the label entropy: the soft label is proportional to the
        probabilities to the power of 1 / lrent (LRENT of CRST, Zou et al. 2019).
        0: labels are hard.
      prior: of each bin in the cells of rows, see `row_prior`. Empty: none.
    """

    window_bins: int
    thresholds: tuple[float, ...] = ()
    takes_median: bool = False
    lrent: float = 0.0
    prior: tuple[tuple[float, ...], ...] = ()
    reads_own: ClassVar[bool] = True

    def read(
        self, distributions: Distributions, *cells: Int32[Array, "*n"]
    ) -> PixelLabels:
        """Labels the pixels of some rows."""
        own = distributions.own
        assert own is not None, "no CRF refines what is labelled"
        label = likeliest = first_largest(own)
        if self.prior:
            own = own * jnp.asarray(self.prior)[cells[0]]
            own /= weighted_sum(own)[..., None]
            label = first_largest(own)
        if self.takes_median:
            label = self.posterior.head.bins.bin_at(own, 0.5)
        if self.thresholds:
            label = self._reweighted(own)
        last = own.shape[-1] - 1
        label = jnp.where(likeliest == last, last, label)
        variance = self._variance(own, label) if self.lrent else None
        return PixelLabels(label, self._confidence(own, label), variance)

    def _reweighted(self, own: Float[Array, "*n k"]) -> Int32[Array, "*n"]:
        last = own.shape[-1] - 1
        window = jnp.asarray(window_matrix(last + 1, self.window_bins))
        mass = jnp.matmul(own, window, precision=jax.lax.Precision.HIGHEST)
        weights = 1 / np.asarray(self.thresholds[:last], np.float32)
        multiples = mass[..., :last] * jnp.broadcast_to(
            weights, (*own.shape[:-1], last)
        )
        return first_largest(multiples)

    def _confidence(
        self, own: Float[Array, "*n k"], label: Int32[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """Sums the probability of the bins about the label."""
        half = self.window_bins // 2
        bins = jnp.expand_dims(label, -1)
        apart = np.arange(-half, half + 1, dtype=np.int32)
        bins = bins + apart.reshape((1,) * label.ndim + (-1,))
        near = jnp.take_along_axis(own, bins, axis=-1, mode="fill", fill_value=0.0)
        is_bin = bins >= 0  # negative indices count from the end
        return jnp.sum(jnp.where(is_bin, near, 0.0), axis=-1)

    def _variance(
        self, own: Float[Array, "*n k"], label: Int32[Array, "*n"]
    ) -> Float[Array, "*n"]:
        soft = at_temperature(jnp.log(own), self.lrent)
        centers = np.log(self.posterior.head.bins.centers_m)
        squares = jnp.asarray(np.subtract.outer(centers, centers) ** 2)
        return weighted_sum(soft * squares[label])


def first_largest(values: Float[Array, "*n k"]) -> Int32[Array, "*n"]:
    """Returns the index of the largest value, the first one of several.

    The same as `jnp.argmax`, which XLA's CPU compiler computes term by term. Values
    must not be NaN.
    """
    values = jax.lax.optimization_barrier(values)  # one rounding for both uses
    count = values.shape[-1]
    from_end = np.arange(count, 0, -1, dtype=np.int32)
    is_largest = values == _largest(values)
    places = jnp.where(is_largest, jnp.broadcast_to(from_end, values.shape), 0)
    return count - _largest(places)[..., 0]


def _largest(values: Shaped[Array, "*n k"]) -> Shaped[Array, "*n 1"]:
    """Computes the maximum by halves, each of which is one operation on vectors."""
    while (count := values.shape[-1]) > 1:
        half = -(-count // 2)
        values = jnp.maximum(values[..., :half], values[..., count - half :])
    return values


def window_matrix(num_bins: int, window_bins: int) -> Float32[np.ndarray, "k k"]:
    """Builds the matrix whose row l marks the bins about bin l."""
    apart = np.abs(np.subtract.outer(np.arange(num_bins), np.arange(num_bins)))
    return (apart <= window_bins // 2).astype(np.float32)
