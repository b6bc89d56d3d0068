"""The protocol of an evaluation, and the metrics of one image under it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from deepdepth_jax.config import Config, CrfConfig
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.metrics import depth_metrics, evaluated_pixels
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.types import AnyArray


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The data and the settings of an evaluation.

    Attributes:
      dataset, split, ground_truth: the evaluated data.
      crop, cap_m, min_m: see `metrics.depth_metrics`.
      flip, scales: see `views.Views`.
      window: see `runner.Runner`. (0, 0): the whole image at once.
      decode: see `DepthBins.decode`. The head's name if it decides by itself.
      crf: the CRF that refines the distributions, or None.
    """

    dataset: str
    split: str
    ground_truth: str
    crop: str
    cap_m: float
    min_m: float
    flip: bool
    scales: tuple[float, ...]
    window: tuple[int, int]
    decode: str
    crf: CrfConfig | None = None

    @classmethod
    def of(cls, config: Config, source: Source) -> "Protocol":
        """Reads the protocol out of a completed config and the data it is used on.

        Args:
          config: completed.
          source: the evaluated split.

        Returns:
          The protocol.
        """
        section = config.eval
        has_distribution = HEADS[config.model.head].has_distribution
        return cls(
            dataset=source.dataset,
            split=source.split_title,
            ground_truth=source.ground_truth_title,
            crop=section.crop,
            cap_m=section.cap_m,
            min_m=section.min_m,
            flip=section.flip,
            scales=section.scales,
            window=section.window,
            decode=section.decode if has_distribution else config.model.head,
            crf=config.crf if config.crf.enabled else None,
        )

    def __str__(self) -> str:
        extras = [
            *(["flip-averaged"] if self.flip else []),
            *([f"at scales {_listed(self.scales)}"] if self.scales != (1.0,) else []),
            *([f"in windows of {_listed(self.window)}"] if any(self.window) else []),
            *([f"refined by a CRF ({self.crf.compatibility})"] if self.crf else []),
        ]
        return ", ".join(
            [
                f"{self.dataset} {self.split}",
                f"{self.ground_truth} ground truth",
                f"crop {self.crop}",
                f"cap {self.cap_m:g} m",
                f"decoded by {self.decode}",
                *extras,
            ]
        )

    @property
    def pixels(self) -> dict[str, Any]:
        """The settings that select pixels. See `metrics.evaluated_pixels`."""
        return {"cap_m": self.cap_m, "min_m": self.min_m, "crop": self.crop}

    def evaluated(self, truth_m: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """Marks the pixels that count."""
        return evaluated_pixels(truth_m, **self.pixels)

    def fault(
        self,
        prediction_m: Float[AnyArray, "h w"],
        truth_m: Float[np.ndarray, "h w"],
    ) -> str | None:
        """Describes why an image cannot be measured. None if it can.

        Missing ground truth is no fault: that is decided by `evaluated` alone.

        Args:
          prediction_m: metres.
          truth_m: metres, 0 = no ground truth.

        Returns:
          The fault in words, or None.
        """
        counts = self.evaluated(truth_m)
        bad = counts & ~np.isfinite(np.asarray(prediction_m))
        if not bad.any():
            return None
        return (
            f"the prediction is not finite at {bad.sum()} of the {counts.sum()} pixels "
            "that count"
        )

    def measure(
        self,
        prediction_m: Float[AnyArray, "h w"],
        truth_m: Float[np.ndarray, "h w"],
        among: Bool[np.ndarray, "h w"] | None = None,
    ) -> dict[str, float]:
        """Computes the metrics of one image. See `metrics.depth_metrics`."""
        return depth_metrics(prediction_m, truth_m, among=among, **self.pixels)

    def median_scaled(
        self,
        prediction_m: Float[AnyArray, "h w"],
        truth_m: Float[np.ndarray, "h w"],
    ) -> Float[AnyArray, "h w"]:
        """Scales a prediction so that its median is the truth's (Zhou et al. 2017).

        Both medians are over the pixels that count. Without any, the prediction is
        unchanged. Methods without metric scale are evaluated in this way, as if the
        scale of the scene were known.

        Args:
          prediction_m: metres.
          truth_m: metres, 0 = no ground truth.

        Returns:
          The scaled prediction in metres.
        """
        counts = self.evaluated(truth_m)
        if not counts.any():
            return prediction_m
        return prediction_m * np.float32(
            np.median(truth_m[counts]) / np.median(np.asarray(prediction_m)[counts])
        )


def _listed(values: Sequence[float | int]) -> str:
    return ", ".join(f"{value:g}" for value in values)
