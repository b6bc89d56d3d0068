"""Depth as classes: how metres become bins, and bins become metres again."""

import dataclasses
import functools
import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32

from deepdepth_jax.types import AnyArray

IGNORE = 255
"""The label of a pixel without ground truth, or beyond the last bin: not learnt."""

KINDS = ("sid", "ud")
Decoding = Literal[
    "argmax", "argmax_geometric", "expectation", "median", "count", "absrel"
]


@dataclasses.dataclass(frozen=True)
class DepthBins:
    """A partition of [min_depth_m, max_depth_m] into num_bins classes.

    Attributes:
      kind: `sid`, spacing-increasing discretisation, whose edges are evenly spaced in
        log depth: t_i = exp(ln a + ln(b/a) i/K). Or `ud`, uniform discretisation:
        t_i = a + (b - a) i/K, both for i = 0..K (Fu et al. 2018, eq. 1 and 2. The paper
        takes `sid`).
      num_bins: K, at most 254 because label 255 means "ignore".
      min_depth_m: a. Nearer depths belong to the first bin.
      max_depth_m: b. Farther depths are ignored.

    Raises:
      ValueError: the bins cannot be built.
    """

    kind: str = "sid"
    num_bins: int = 71
    min_depth_m: float = 1.0
    max_depth_m: float = 80.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r}: must be sid or ud")
        if not 2 <= self.num_bins < IGNORE:
            raise ValueError(
                f"num_bins={self.num_bins}: must be >= 2 and < {IGNORE}, the label of "
                "pixels that are ignored"
            )
        if not 0 <= self.min_depth_m < self.max_depth_m < np.inf:
            raise ValueError(
                f"min_depth_m={self.min_depth_m}: must be >= 0 and < max_depth_m="
                f"{self.max_depth_m}, which must be finite"
            )
        if self.kind == "sid" and self.min_depth_m == 0:
            raise ValueError("min_depth_m=0: must be > 0 with kind=sid")
        if not (np.diff(self.edges_m) > 0).all():
            raise ValueError(
                f"num_bins={self.num_bins}: must be fewer, as float32 cannot resolve "
                f"so many edges from {self.min_depth_m} to {self.max_depth_m} m"
            )

    def depth_at(self, position: Float[AnyArray, "*n"]) -> Float[AnyArray, "*n"]:
        """Maps a continuous bin coordinate to metres: 0 -> a, K -> b, i -> edge i."""
        share = position / self.num_bins
        if self.kind == "ud":
            return self.min_depth_m + (self.max_depth_m - self.min_depth_m) * share
        return self.min_depth_m * (self.max_depth_m / self.min_depth_m) ** share

    @functools.cached_property
    def edges_m(self) -> Float[np.ndarray, " edges"]:
        """The K + 1 edges, rising. Bin k is [edge k, edge k + 1)."""
        edges = self.depth_at(np.arange(self.num_bins + 1, dtype=np.float64))
        return np.asarray(edges, np.float32)

    @functools.cached_property
    def centers_m(self) -> Float[np.ndarray, " k"]:
        """The arithmetic centre of each bin."""
        return (self.edges_m[:-1] + self.edges_m[1:]) / 2

    @functools.cached_property
    def geometric_centers_m(self) -> Float[np.ndarray, " k"]:
        """The geometric centre of each bin, the middle in log depth."""
        return np.sqrt(self.edges_m[:-1] * self.edges_m[1:])

    def label(self, depth_m: Float[AnyArray, "*n"]) -> Int32[Array, "*n"]:
        """Returns each depth its bin.

        Args:
          depth_m: metres. 0 or less means no ground truth.

        Returns:
          The k for which edge k <= depth < edge k + 1, so that bins and edges never
          disagree in the last digit, or `IGNORE` for depth <= 0, depth beyond the last
          edge and depth that is not a number.
        """
        depth_m = jnp.asarray(depth_m)
        inner_edges = jnp.asarray(self.edges_m[1:-1], depth_m.dtype)
        label = jnp.searchsorted(inner_edges, depth_m, side="right")
        known = (depth_m > 0) & (depth_m <= self.edges_m[-1])
        return jnp.where(known, label, IGNORE).astype(jnp.int32)

    def decode(
        self, probabilities: Float[Array, "*n k"], how: Decoding
    ) -> Float[Array, "*n"]:
        """Turns a distribution over the bins into metres.

        Args:
          probabilities: non-negative, with sum one over the last axis.
          how: `argmax` takes the arithmetic centre of the most probable bin (the
            paper's), `argmax_geometric` its geometric centre, `expectation` the mean of
            the arithmetic centres under the distribution, `median` the depth that half
            of the probability lies before, `count` the arithmetic centre of the bin
            that this depth lies in: as many bins are left behind as the depth lies
            beyond with a probability of 1/2 or more (DORN, Fu et al. 2018, eq. 5),
            `absrel` the depth with the least expected AbsRel (see `least_absrel`).

        Returns:
          Depth in metres.
        """
        if how == "median":
            return self.quantile(probabilities, 0.5)
        if how == "absrel":
            return self.least_absrel(probabilities)
        if how == "expectation":
            return weighted_sum(probabilities, self.centers_m)
        if how == "count":
            return jnp.asarray(self.centers_m)[self.bin_at(probabilities, 0.5)]
        centers_m = self.centers_m if how == "argmax" else self.geometric_centers_m
        return jnp.asarray(centers_m)[jnp.argmax(probabilities, axis=-1)]

    def bin_at(
        self, probabilities: Float[Array, "*n k"], share: float
    ) -> Int32[Array, "*n"]:
        """Finds the first bin up to whose end more than `share` of it lies."""
        until = running_sums(probabilities)
        is_left = until <= share * until[..., -1:]
        return weighted_sum(is_left.astype(until.dtype)).astype(jnp.int32)

    def rescaling_matrix(self, factor: float) -> Float[np.ndarray, "k k"]:
        """Computes the matrix that scales the depth of a distribution by `factor`.

        Inside a bin the probability is spread as in `quantile`. Probability that leaves
        the range of the bins is added to the first or the last one.

        Args:
          factor: by which depth is multiplied.

        Returns:
          float32. P @ matrix is the distribution of `factor` times the depth whose
          distribution is p.
        """
        until = np.arange(self.num_bins + 1, dtype=np.float64)
        if self.kind == "ud":
            span_m = self.max_depth_m - self.min_depth_m
            least = self.num_bins * self.min_depth_m / span_m
            position = factor * (until + least) - least
        else:
            log_span = math.log(self.max_depth_m / self.min_depth_m)
            position = until + self.num_bins * math.log(factor) / log_span
        low, high = position[:-1, None], position[1:, None]
        until[[0, -1]] = -np.inf, np.inf
        inside = np.minimum(high, until[1:]) - np.maximum(low, until[:-1])
        return (np.maximum(inside, 0) / (high - low)).astype(np.float32)

    def quantile(
        self, probabilities: Float[Array, "*n k"], share: float
    ) -> Float[Array, "*n"]:
        """Finds the depth that `share` of the probability lies before.

        Inside a bin the probability is taken as spread evenly over the bin coordinate:
        over log depth for `sid`, over depth for `ud`.
        """
        position = weighted_sum(_shares_before(probabilities, share))
        return jnp.asarray(self.depth_at(position))

    def least_absrel(
        self, probabilities: Float[Array, "*n k"], share: float = 0.5
    ) -> Float[Array, "*n"]:
        """Finds the depth x that minimises the expectation of |x - depth| / depth.

        The expectation's derivative by x is the integral of p(d)/d before x minus that
        beyond it. So x is the median of the density p(d)/d, which is nearer than the
        median of p. Inside a bin the probability is spread as in `quantile`, so p(d)/d
        has a closed integral: 1/depth is linear in it for `sid`, ln depth for `ud`.

        Args:
          probabilities: non-negative, with sum one over the last axis.
          share: the share of p(d)/d that lies before x. 1/2 is the minimum.

        Returns:
          Depth in metres.
        """
        weights = self.absrel_weights
        density = probabilities * jnp.broadcast_to(weights, probabilities.shape)
        before = _shares_before(density, share)
        if self.kind == "ud":
            return self.min_depth_m * jnp.exp(weighted_sum(before, weights))
        return 1 / (1 / self.max_depth_m + weighted_sum(1 - before, weights))

    @functools.cached_property
    def absrel_weights(self) -> Float[np.ndarray, " k"]:
        """The integral of 1/depth over each bin's evenly spread probability.

        Up to one factor for all bins: the steps of -1/depth for `sid`, of ln depth for
        `ud`.

        Raises:
          ValueError: the first bin starts at 0 m, where 1/depth has no integral.
        """
        if self.min_depth_m == 0:
            raise ValueError("min_depth_m=0: must be > 0 for the decoding absrel")
        edges_m = self.depth_at(np.arange(self.num_bins + 1, dtype=np.float64))
        integral = np.log(edges_m) if self.kind == "ud" else -1 / edges_m
        return np.diff(integral).astype(np.float32)


def weighted_sum(
    terms: Float[Array, "*n k"], weights: Float[AnyArray, " k"] | None = None
) -> Float[Array, "*n"]:
    """Sums over the last axis, with weights or without, in full float32.

    The sum is a product of matrices. XLA's CPU compiler computes a plain sum along the
    last axis term by term, fused with its operands, and on one core.
    """
    if weights is None:
        weights = np.ones(terms.shape[-1], np.float32)
    weights = jnp.asarray(weights, terms.dtype)
    return jnp.matmul(terms, weights, precision=jax.lax.Precision.HIGHEST)


def _shares_before(
    probabilities: Float[Array, "*n k"], share: float
) -> Float[Array, "*n k"]:
    """Computes the share of each bin before a quantile: 1, then one part, then 0."""
    until = running_sums(probabilities)
    missing = share * until[..., -1:] - (until - probabilities)
    before = missing / jnp.maximum(probabilities, jnp.finfo(until.dtype).tiny)
    return jnp.clip(before, 0, 1)


def running_sums(terms: Float[Array, "*n k"]) -> Float[Array, "*n k"]:
    """Sums the first, the first two, and so on. See `weighted_sum`."""
    count = terms.shape[-1]
    until = jnp.asarray(np.triu(np.ones((count, count))), terms.dtype)
    return jnp.matmul(terms, until, precision=jax.lax.Precision.HIGHEST)
