"""Confidence of a pixel, from its distribution over the depth bins."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import entr
from jaxtyping import Array, Float

from deepdepth_jax.bins import DepthBins, weighted_sum
from deepdepth_jax.types import AnyArray

INTERVAL = (0.05, 0.95)
"""The quantiles between which the depth should lie for 9 pixels out of 10."""


class Confidence(NamedTuple):
    """How sure the network is of each pixel.

    Attributes:
      max_probability: probability of the most probable bin, in [1/k, 1].
      entropy_nats: of the distribution over the bins, -sum p ln p in [0, ln k]; not
        normalised: divide by ln k for the range [0, 1].
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

    `log_depth_std` and the interval are of one density over depth: within a bin the
    probability is spread as in `DepthBins.quantile`. The deviation therefore counts
    the spread within the bins as well as that between them, and is never below the
    resolution of the bins.

    Args:
      probabilities: non-negative, with sum one over the last axis.
      bins: what the last axis stands for.
    """
    low, high = INTERVAL
    return Confidence(
        max_probability=max_probability(probabilities),
        entropy_nats=weighted_sum(entr(probabilities)),
        log_depth_std=log_depth_std(probabilities, bins),
        low_m=bins.quantile(probabilities, low),
        high_m=bins.quantile(probabilities, high),
    )


def max_probability(probabilities: Float[Array, "*n k"]) -> Float[Array, "*n"]:
    """Takes the probability of the most probable bin: 1 is certainty, 1/k ignorance.

    It is the chance that the true depth lies in that bin only as far as the network is
    calibrated (see `temperature`). With many narrow bins it is low even where the
    depth is good, because a good prediction spreads over neighbours.
    """
    return jnp.max(probabilities, axis=-1)


def log_depth_std(
    probabilities: Float[Array, "*n k"], bins: DepthBins
) -> Float[Array, "*n"]:
    """Computes the standard deviation of ln depth (law of total variance)."""
    means, variances = log_depth_moments(bins)
    mean = weighted_sum(probabilities, means)[..., None]
    # About the mean, because in float32 E[x^2] - E[x]^2 would lose narrow peaks.
    from_mean = jnp.broadcast_to(means, probabilities.shape) - mean
    between = weighted_sum(probabilities * from_mean**2)
    return jnp.sqrt(between + weighted_sum(probabilities, variances))


def log_depth_moments(
    bins: DepthBins,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Computes mean and variance of ln depth within each bin.

    Within a bin depth is spread evenly over the bin coordinate. For `sid` that gives
    the log of the geometric centre and (ln ratio of the edges)^2 / 12.
    """
    # Gauss-Legendre is exact for `sid`, where ln depth is linear in the coordinate, and
    # has a finite answer for a first bin that begins at 0 m.
    nodes, weights = np.polynomial.legendre.leggauss(16)
    inside, weights = (nodes + 1) / 2, weights / 2
    depth_m = bins.depth_at(np.add.outer(np.arange(bins.num_bins), inside))
    log_depth = np.log(np.asarray(depth_m, np.float64))
    means = log_depth @ weights
    variances = (log_depth - means[:, None]) ** 2 @ weights
    return means.astype(np.float32), variances.astype(np.float32)
