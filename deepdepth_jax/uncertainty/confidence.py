"""Confidence of a pixel, from its distribution over the depth bins, calibrated."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import entr
from jaxtyping import Array, Float

from deepdepth_jax.bins import DepthBins, weighted_sum
from deepdepth_jax.types import AnyArray

INTERVAL = (0.05, 0.95)
"""The quantiles between which the depth should lie for 9 pixels out of 10."""


def at_temperature(
    logits: Float[Array, "*n k"], temperature: float | Float[Array, ""]
) -> Float[Array, "*n k"]:
    """Computes softmax(logits / temperature) (Guo et al. 2017, eq. 9).

    A temperature above 1 makes a network less confident, below 1 more. The most
    probable bin stays. Log-probabilities are logits too, so that an averaged
    distribution is scaled through its logarithm.

    Args:
      logits: one score per bin.
      temperature: > 0.

    Returns:
      The distributions.
    """
    return jax.nn.softmax(logits / temperature)


def calibrate(
    probabilities: Float[Array, "*n k"], temperature: float | Float[AnyArray, ""]
) -> Float[Array, "*n k"]:
    """Applies a temperature to distributions over the bins. See `at_temperature`."""
    return at_temperature(jnp.log(probabilities), jnp.asarray(temperature))


class Confidence(NamedTuple):
    """How sure the network is of each pixel.

    Attributes:
      max_probability: probability of the most probable bin, in [1/k, 1].
      entropy_nats: entropy of the distribution, -sum p ln p in [0, ln k]. Divide by
        ln k for the range [0, 1].
      log_depth_std: standard deviation of ln depth, which for small values is the
        relative error to expect: 0.1 is about 10%.
      low_m: depth before which 5% of the probability lies.
      high_m: depth before which 95% of the probability lies.
    """

    max_probability: Float[AnyArray, "*n"]
    entropy_nats: Float[AnyArray, "*n"]
    log_depth_std: Float[AnyArray, "*n"]
    low_m: Float[AnyArray, "*n"]
    high_m: Float[AnyArray, "*n"]


def measure_confidence(
    probabilities: Float[Array, "*n k"], bins: DepthBins
) -> Confidence:
    """Computes every measure of confidence at each pixel.

    `log_depth_std` and the interval belong to one density over depth, which spreads the
    probability within a bin as `DepthBins.quantile` does. The deviation therefore
    includes the spread within the bins and is never below their resolution.

    Args:
      probabilities: non-negative, summing to one over the last axis.
      bins: the bins of the last axis.

    Returns:
      The measures at each pixel.
    """
    measures = [measure(probabilities, bins) for measure in MEASURES.values()]
    return Confidence(*measures)


def max_probability(probabilities: Float[Array, "*n k"]) -> Float[Array, "*n"]:
    """Computes the probability of the most probable bin, from 1/k to 1.

    If the network is calibrated (see `temperature`), this is the probability that the
    true depth lies in that bin. With many narrow bins it is low even for an accurate
    depth, because an accurate prediction spreads over neighbours.
    """
    return jnp.max(probabilities, axis=-1)


def entropy_nats(probabilities: Float[Array, "*n k"]) -> Float[Array, "*n"]:
    """Computes the entropy of the distribution, from 0 to ln k."""
    return weighted_sum(entr(probabilities))


def log_depth_std(
    probabilities: Float[Array, "*n k"], bins: DepthBins
) -> Float[Array, "*n"]:
    """Computes the standard deviation of ln depth (law of total variance)."""
    means, variances = log_depth_moments(bins)
    mean = weighted_sum(probabilities, means)[..., None]
    # Centred, because E[x^2] - E[x]^2 cancels for narrow peaks in float32.
    from_mean = jnp.broadcast_to(means, probabilities.shape) - mean
    between = weighted_sum(probabilities * from_mean**2)
    return jnp.sqrt(between + weighted_sum(probabilities, variances))


def log_depth_moments(
    bins: DepthBins,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Computes mean and variance of ln depth within each bin.

    The density within a bin is uniform in the bin coordinate. For `sid` the mean is the
    log of the geometric centre and the variance (ln ratio of the edges)^2 / 12.

    Args:
      bins: the depth bins.

    Returns:
      Mean and variance of ln depth in each bin.
    """
    # Gauss-Legendre is exact for `sid`, where ln depth is linear in the coordinate, and
    # finite for a first bin that begins at 0 m.
    nodes, weights = np.polynomial.legendre.leggauss(16)
    inside, weights = (nodes + 1) / 2, weights / 2
    depth_m = bins.depth_at(np.add.outer(np.arange(bins.num_bins), inside))
    log_depth = np.log(np.asarray(depth_m, np.float64))
    means = log_depth @ weights
    variances = (log_depth - means[:, None]) ** 2 @ weights
    return means.astype(np.float32), variances.astype(np.float32)


Measure = Callable[[Float[Array, "*n k"], DepthBins], Float[Array, "*n"]]

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "confidence": lambda probabilities, _: max_probability(probabilities),
        "entropy_nats": lambda probabilities, _: entropy_nats(probabilities),
        "log_depth_std": log_depth_std,
        "low_m": lambda probabilities, bins: bins.quantile(probabilities, INTERVAL[0]),
        "high_m": lambda probabilities, bins: bins.quantile(probabilities, INTERVAL[1]),
    }
)
"""Each measure by its name in `types.Prediction`, in the order of `Confidence`."""
