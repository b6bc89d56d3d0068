"""Depth metrics as the field reports them (Eigen et al. 2014. Garg et al. 2016)."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float

from deepdepth_jax.types import AnyArray

# Top, bottom, left, right as shares of height and width; truncated to whole pixels.
CROPS: Mapping[str, tuple[float, float, float, float]] = MappingProxyType(
    {
        "garg": (0.40810811, 0.99189189, 0.03594771, 0.96405229),
        "eigen": (0.3324324, 0.91351351, 0.0359477, 0.96405229),
        "none": (0.0, 1.0, 0.0, 1.0),
    }
)


METRICS = (
    "abs_rel",
    "sq_rel",
    "rmse",
    "rmse_log",
    "si_rmse_log",
    "silog",
    "log10",
    "d1",
    "d2",
    "d3",
    "irmse",
    "sq_rel_kitti",
)
LARGER_IS_BETTER = frozenset({"d1", "d2", "d3"})


def crop_window(crop: str, height: int, width: int) -> tuple[slice, slice]:
    """Returns the rows and columns that an evaluation crop keeps."""
    if crop not in CROPS:
        raise ValueError(f"crop={crop!r}: must be one of {', '.join(CROPS)}")
    top, bottom, left, right = CROPS[crop]
    rows = slice(int(top * height), int(bottom * height))
    return rows, slice(int(left * width), int(right * width))


def evaluated_pixels(
    truth_m: Float[AnyArray, "h w"],
    *,
    cap_m: float,
    min_m: float,
    crop: str,
    among: Bool[np.ndarray, "h w"] | None = None,
) -> Bool[np.ndarray, "h w"]:
    """Marks the pixels that count: min < truth < cap, inside the crop.

    And, if there is `among`, marked there.

    Args:
      truth_m: metres, 0 = no ground truth.
      cap_m: ground truth at or beyond it does not count.
      min_m: ground truth at or before it does not count.
      crop: one of `CROPS`.
      among: further mask, or None.

    Returns:
      The mask.
    """
    truth_m = np.asarray(truth_m)
    counts = np.zeros(truth_m.shape, bool)
    counts[crop_window(crop, *truth_m.shape)] = True
    counts &= (truth_m > min_m) & (truth_m < cap_m)
    if among is not None:
        counts &= among
    return counts


def depth_metrics(
    prediction_m: Float[AnyArray, "h w"],
    truth_m: Float[AnyArray, "h w"],
    *,
    cap_m: float = 80.0,
    min_m: float = 1e-3,
    crop: str = "garg",
    among: Bool[np.ndarray, "h w"] | None = None,
) -> dict[str, float]:
    """Compares a predicted depth map with the true one.

    With d the prediction, clipped to [min_m, cap_m], g the truth and
    e = ln d - ln g, over the pixels of `evaluated_pixels`:

    ============  =====================================================
    abs_rel       mean |d - g| / g
    sq_rel        mean (d - g)^2 / g, metres
    rmse          sqrt(mean (d - g)^2), metres
    rmse_log      sqrt(mean e^2)
    si_rmse_log   std of e, scale-invariant
    silog         100 * std of e (population variance)
    log10         mean |log10 d - log10 g|
    d1, d2, d3    share of pixels with max(d/g, g/d) < 1.25, 1.25^2, 1.25^3
    irmse         sqrt(mean (1000/d - 1000/g)^2), 1/km
    sq_rel_kitti  mean (d - g)^2 / g^2
    ============  =====================================================

    The last two are those of KITTI's server, whose "squared relative error" divides by
    the squared depth. The other definitions are those of Eigen et al. (2014).

    Args:
      prediction_m: metres.
      truth_m: metres. 0 = no ground truth.
      cap_m: truth at or beyond it does not count.
      min_m: truth at or before it does not count.
      crop: see `CROPS`.
      among: marks a part of the image. Pixels outside it do not count.

    Returns:
      The metrics of this one image. All NaN if and only if no pixel counts.

    Raises:
      ValueError: there is no such crop, or the prediction is NaN at a pixel that
        counts.
    """
    prediction_m, truth_m = np.asarray(prediction_m), np.asarray(truth_m)
    counts = evaluated_pixels(truth_m, cap_m=cap_m, min_m=min_m, crop=crop, among=among)
    if not counts.any():
        return dict.fromkeys(METRICS, float("nan"))
    truth = truth_m[counts].astype(np.float64)
    predicted = np.clip(prediction_m[counts].astype(np.float64), min_m, cap_m)
    if np.isnan(predicted).any():
        raise ValueError(
            f"the prediction is NaN at {np.isnan(predicted).sum()} pixels that count"
        )
    error = predicted - truth
    log_error = np.log(predicted) - np.log(truth)
    ratio = np.maximum(predicted / truth, truth / predicted)
    values = {
        "abs_rel": np.mean(np.abs(error) / truth),
        "sq_rel": np.mean(error**2 / truth),
        "rmse": np.sqrt(np.mean(error**2)),
        "rmse_log": np.sqrt(np.mean(log_error**2)),
        "si_rmse_log": np.std(log_error),
        "silog": 100 * np.std(log_error),
        "log10": np.mean(np.abs(log_error)) / np.log(10),
        "d1": np.mean(ratio < 1.25),
        "d2": np.mean(ratio < 1.25**2),
        "d3": np.mean(ratio < 1.25**3),
        "irmse": 1000 * np.sqrt(np.mean((1 / predicted - 1 / truth) ** 2)),
        "sq_rel_kitti": np.mean((error / truth) ** 2),
    }
    return {name: float(values[name]) for name in METRICS}


class MetricMeans:
    """Averages per-image metrics over images, each image with the same weight."""

    def __init__(self) -> None:
        self.images = 0
        self.images_without_ground_truth = 0
        self._sums = dict.fromkeys(METRICS, 0.0)

    def add(self, metrics: Mapping[str, float]) -> None:
        """Adds one image. One on which no pixel counted is only counted itself."""
        if np.isnan(metrics["abs_rel"]):
            self.images_without_ground_truth += 1
            return
        self.images += 1
        for name in METRICS:
            self._sums[name] += metrics[name]

    def compute(self) -> dict[str, float]:
        """Returns the means. NaN before the first image."""
        images = self.images or float("nan")
        return {name: total / images for name, total in self._sums.items()}
