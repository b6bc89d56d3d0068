"""All measures of confidence in an evaluation."""

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from deepdepth_jax.types import AnyArray, Prediction, known
from deepdepth_jax.uncertainty.calibration import Calibration, PixelScores
from deepdepth_jax.uncertainty.sparsification import Sparsification

MEASURES: Mapping[str, Callable[[Prediction], AnyArray]] = MappingProxyType(
    {
        "entropy": lambda prediction: known(prediction.entropy_nats),
        "log_depth_std": lambda prediction: known(prediction.log_depth_std),
        "max_probability": lambda prediction: 1 - known(prediction.confidence),
    }
)
"""Measures to rank pixels by. Larger is less certain."""


def _sparsifications() -> dict[str, Sparsification]:
    return {name: Sparsification() for name in MEASURES}


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class UncertaintySummary:
    """Accumulates calibration and sparsification over images.

    Attributes:
      own: calibration of the network's own distributions.
      calibrated: calibration after temperature scaling.
      sparsification: sparsification by each of `MEASURES`.
    """

    own: Calibration = dataclasses.field(default_factory=Calibration)
    calibrated: Calibration = dataclasses.field(default_factory=Calibration)
    sparsification: dict[str, Sparsification] = dataclasses.field(
        default_factory=_sparsifications
    )

    def add(
        self,
        prediction: Prediction,
        truth_m: Float[np.ndarray, "h w"],
        own: PixelScores,
        calibrated: PixelScores,
        **protocol: Any,
    ) -> None:
        """Adds an image.

        Args:
          prediction: the prediction for the image.
          truth_m: metres, 0 = no ground truth.
          own: scores of the network's own distributions.
          calibrated: scores after temperature scaling.
          **protocol: which pixels count. See `Sparsification.add`.
        """
        self.own.add(own)
        self.calibrated.add(calibrated)
        for name, uncertainty in MEASURES.items():
            self.sparsification[name].add(
                prediction.depth_m, truth_m, uncertainty(prediction), **protocol
            )

    def compute(self) -> dict[str, dict[str, Any]]:
        """Returns all measures. See `Calibration` and `Sparsification`."""
        return {
            "own": self.own.compute(),
            "calibrated": self.calibrated.compute(),
            "sparsification": {
                name: one.compute() for name, one in self.sparsification.items()
            },
        }
