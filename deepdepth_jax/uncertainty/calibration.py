"""Calibration: how well probabilities agree with frequencies."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from deepdepth_jax.bins import IGNORE, DepthBins
from deepdepth_jax.types import AnyArray
from deepdepth_jax.uncertainty.confidence import measure_confidence

RELIABILITY_BINS = 15
_INNER_EDGES = np.arange(1, RELIABILITY_BINS) / RELIABILITY_BINS


class PixelScores(NamedTuple):
    """Each pixel's predictive distribution compared with the ground truth.

    Attributes:
      valid: whether the pixel has a label. The other fields are undefined without one.
      nll: negative log-likelihood of the label, nats.
      max_probability: probability of the most probable bin.
      correct: the label is the most probable bin.
      covered: the true depth lies in [low_m, high_m] of `Confidence`.
    """

    valid: Bool[AnyArray, "*n"]
    nll: Float[AnyArray, "*n"]
    max_probability: Float[AnyArray, "*n"]
    correct: Bool[AnyArray, "*n"]
    covered: Bool[AnyArray, "*n"]


def score_pixels(
    probabilities: Float[Array, "*n k"], depth_m: Float[Array, "*n"], bins: DepthBins
) -> PixelScores:
    """Compares distributions with the ground truth, for `Calibration` to accumulate.

    A probability below the smallest normal number of its type counts as that number,
    in float32 a likelihood of e^-87.

    Args:
      probabilities: non-negative, summing to one over the last axis.
      depth_m: ground truth in metres, 0 where it does not count.
      bins: the bins of the last axis.

    Returns:
      The scores of each pixel.
    """
    labels = bins.label(depth_m)
    valid = labels != IGNORE
    chosen = jnp.where(valid, labels, 0)[..., None]
    likelihood = jnp.take_along_axis(probabilities, chosen, axis=-1)[..., 0]
    confidence = measure_confidence(probabilities, bins)
    return PixelScores(
        valid=valid,
        nll=-jnp.log(jnp.maximum(likelihood, jnp.finfo(likelihood.dtype).tiny)),
        max_probability=confidence.max_probability,
        correct=jnp.argmax(probabilities, axis=-1) == labels,
        covered=(confidence.low_m <= depth_m) & (depth_m <= confidence.high_m),
    )


class Reliability(NamedTuple):
    """The reliability diagram: one point per bin of the highest probability.

    Attributes:
      max_probability: mean highest probability in the bin, NaN if the bin is empty.
      accuracy: share of pixels that are `correct`, NaN if the bin is empty.
      pixels: number of pixels in the bin.
    """

    max_probability: Float[np.ndarray, " b"]
    accuracy: Float[np.ndarray, " b"]
    pixels: Int[np.ndarray, " b"]


def _zeros() -> np.ndarray:
    return np.zeros(RELIABILITY_BINS)


def _no_pixels() -> np.ndarray:
    return np.zeros(RELIABILITY_BINS, np.int64)


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Calibration:
    """Accumulates calibration over images, each labelled pixel with the same weight.

    Pixels fall into 15 bins of equal width by their highest probability,
    ((i - 1) / 15, i / 15] (Guo et al. 2017, section 2).

    Attributes:
      pixels, correct: number of pixels in each bin.
      max_probability: sum in each bin.
      nll: sum over all pixels, nats.
      covered: number of covered pixels.
    """

    pixels: Int[np.ndarray, " b"] = dataclasses.field(default_factory=_no_pixels)
    correct: Int[np.ndarray, " b"] = dataclasses.field(default_factory=_no_pixels)
    max_probability: Float[np.ndarray, " b"] = dataclasses.field(default_factory=_zeros)
    nll: float = 0.0
    covered: int = 0

    def add(self, scores: PixelScores) -> None:
        """Adds the pixels of one or several images.

        Args:
          scores: scores of the pixels.
        """
        valid, nll, highest, correct, covered = map(np.asarray, scores)
        highest = highest[valid].astype(np.float64)
        bin_ = np.searchsorted(_INNER_EDGES, highest, side="left")
        self.pixels = self.pixels + _count(bin_)
        self.correct = self.correct + _count(bin_[correct[valid]])
        self.max_probability = self.max_probability + np.bincount(
            bin_, weights=highest, minlength=RELIABILITY_BINS
        )
        self.nll += float(nll[valid].sum(dtype=np.float64))
        self.covered += int(covered[valid].sum())

    def compute(self) -> dict[str, float]:
        """Returns the measures, NaN before the first labelled pixel.

        ===========  ============================================================
        nll          negative log-likelihood per pixel, nats
        ece          expected calibration error: sum over the bins of
                     |share correct - mean of the highest probability|,
                     weighted by their share of the pixels (Guo et al. 2017, eq. 3)
        coverage_90  share of pixels whose depth is in [low_m, high_m], ideally 0.9
        ===========  ============================================================
        """
        pixels = int(self.pixels.sum()) or float("nan")
        gap = np.abs(self.correct - self.max_probability).sum()
        return {
            "nll": self.nll / pixels,
            "ece": float(gap) / pixels,
            "coverage_90": self.covered / pixels,
        }

    def reliability(self) -> Reliability:
        """Returns the points of the reliability diagram."""
        pixels = np.where(self.pixels > 0, self.pixels, np.nan)
        return Reliability(
            self.max_probability / pixels, self.correct / pixels, self.pixels
        )


def _count(bin_: Int[np.ndarray, " n"]) -> Int[np.ndarray, " b"]:
    return np.bincount(bin_, minlength=RELIABILITY_BINS)
