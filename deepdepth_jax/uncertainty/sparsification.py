"""Sparsification: how the error falls as the most uncertain pixels are removed."""

import dataclasses
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from deepdepth_jax.metrics import evaluated_pixels
from deepdepth_jax.types import AnyArray

STEPS = 50
REMOVED = np.arange(STEPS) / STEPS
"""Removed shares of the pixels: 0, 0.02, ... 0.98."""

ERRORS = ("abs_rel", "rmse", "d1")
"""The measured errors: AbsRel, RMSE, and 1 - d1, so that less is better in each."""


class Curves(NamedTuple):
    """Error of the remaining pixels after removing the shares `REMOVED`.

    Attributes:
      model: removes the most uncertain pixels first.
      oracle: removes the pixels with the largest error first.
      random: removes pixels at random, which leaves the error of all pixels.
    """

    model: Float[np.ndarray, " steps"]
    oracle: Float[np.ndarray, " steps"]
    random: Float[np.ndarray, " steps"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Sparsification:
    """Averages sparsification curves over images, each image with the same weight.

    Attributes:
      images: number of images with a counted pixel.
      sums: sums of their curves, by error, kind of curve and step.
    """

    images: int = 0
    sums: Float[np.ndarray, "3 3 steps"] = dataclasses.field(
        default_factory=lambda: np.zeros((len(ERRORS), len(Curves._fields), STEPS))
    )

    def add(
        self,
        prediction_m: Float[AnyArray, "h w"],
        truth_m: Float[AnyArray, "h w"],
        uncertainty: Float[AnyArray, "h w"],
        *,
        cap_m: float = 80.0,
        min_m: float = 1e-3,
        crop: str = "garg",
    ) -> None:
        """Adds one image. An image without a counted pixel changes nothing.

        Args:
          prediction_m: metres, clipped to [min_m, cap_m] as in `depth_metrics`.
          truth_m: metres, 0 = no ground truth.
          uncertainty: larger is less certain. Only the order matters.
          cap_m: ground truth at or beyond it does not count.
          min_m: ground truth at or before it does not count.
          crop: see `metrics.CROPS`.

        Raises:
          ValueError: there is no such crop.
        """
        truth_m = np.asarray(truth_m)
        counts = evaluated_pixels(truth_m, cap_m=cap_m, min_m=min_m, crop=crop)
        if not counts.any():
            return
        truth = truth_m[counts].astype(np.float64)
        predicted = np.asarray(prediction_m)[counts].astype(np.float64)
        predicted = np.clip(predicted, min_m, cap_m)
        self.sums = self.sums + _curves(
            predicted, truth, np.asarray(uncertainty)[counts]
        )
        self.images += 1

    def curves(self) -> dict[str, Curves]:
        """Returns the mean curves of each of `ERRORS`, NaN before the first image."""
        means = self.sums / (self.images or float("nan"))
        return {
            name: Curves(*of_error)
            for name, of_error in zip(ERRORS, means, strict=True)
        }

    def compute(self) -> dict[str, float]:
        """Returns the areas between the mean curves, NaN before the first image.

        The areas are integrals over the removed share from 0 to 1 by the trapezoidal
        rule, for each of `ERRORS`:

        ===================  =====================================================
        ause_*               model - oracle (Ilg et al. 2018): 0 for the ranking of
                             the errors themselves
        aurg_*               random - model (Poggi et al. 2020): 0 for a random
                             ranking, negative for a worse one
        *_normalised         the same divided by the error of all pixels
        ===================  =====================================================

        The areas have the unit of the error (RMSE: metres). At share 1 no pixel remains
        and every curve is 0. Poggi et al. end the random curve differently: here a
        constant uncertainty scores 0, there 1% of the error.

        Returns:
          The areas by name.
        """
        areas = {}
        for name, curves in self.curves().items():
            ause = _area(curves.model - curves.oracle)
            aurg = _area(curves.random - curves.model)
            error = float(curves.random[0]) or float("nan")
            areas[f"ause_{name}"] = ause
            areas[f"aurg_{name}"] = aurg
            areas[f"ause_{name}_normalised"] = ause / error
            areas[f"aurg_{name}_normalised"] = aurg / error
        return areas


def _area(difference: Float[np.ndarray, " steps"]) -> float:
    return float(np.trapezoid(np.append(difference, 0.0), dx=1 / STEPS))


def _curves(
    predicted: Float[np.ndarray, " n"],
    truth: Float[np.ndarray, " n"],
    uncertainty: Float[np.ndarray, " n"],
) -> Float[np.ndarray, "3 3 steps"]:
    error = predicted - truth
    ratio = np.maximum(predicted / truth, truth / predicted)
    per_pixel = (np.abs(error) / truth, error**2, (ratio >= 1.25).astype(np.float64))
    curves = np.array(
        [
            # Knowing nothing is the same uncertainty everywhere.
            [mean_of_remaining(e, by) for by in (uncertainty, e, np.zeros_like(e))]
            for e in per_pixel
        ]
    )
    squared = ERRORS.index("rmse")
    curves[squared] = np.sqrt(curves[squared])
    return curves


def mean_of_remaining(
    error: Float[np.ndarray, " n"], uncertainty: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " steps"]:
    """Averages the error of the pixels that remain when shares `REMOVED` are gone.

    Of equally uncertain pixels an equal part of each is removed: the expectation over
    all orders that they could be removed in. So is a part of a pixel where a share is
    no whole number of pixels.
    """
    _, group, sizes = np.unique(uncertainty, return_inverse=True, return_counts=True)
    sums = np.bincount(group, weights=error)
    remaining = error.size * (1 - REMOVED)
    until, sum_until = (np.append(0, np.cumsum(of)) for of in (sizes, sums))
    return np.interp(remaining, until, sum_until) / remaining
