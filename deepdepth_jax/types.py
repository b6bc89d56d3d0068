"""What flows between the modules."""

import dataclasses
from typing import Any

import flax.struct
import numpy as np
from jaxtyping import Array, Float, Float32, UInt8

Tree = Any
"""A tree of arrays under the names of the layers, as Flax has it."""

AnyArray = Array | np.ndarray
"""An array on a device or on the host."""


@dataclasses.dataclass(frozen=True)
class Example:
    """One picture with its ground truth, at its own size.

    Attributes:
      name: unique in its split; tells the user which frame this is.
      image: RGB.
      depth_m: metres along the optical axis; 0 = no ground truth.
      focal_px: horizontal focal length of the picture, in its pixels; 0 = unknown.
    """

    name: str
    image: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    focal_px: float


@flax.struct.dataclass
class Batch:
    """Pictures with their depth, side by side in memory.

    Attributes:
      image: RGB as in the file. Padding has the mean colour of ImageNet.
      depth_m: metres along the optical axis; 0 where there is no ground truth, padding
        included.
    """

    image: UInt8[AnyArray, "*devices b h w 3"]
    depth_m: Float[AnyArray, "*devices b h w"]


@flax.struct.dataclass
class Prediction:
    """What the network says of one picture, or of a batch of them.

    Attributes:
      depth_m: metres along the optical axis.
      confidence: probability of the most probable bin, in (0, 1].
      entropy_nats: of the distribution over the bins; 0 is certainty, ln k ignorance.
      log_depth_std: standard deviation of ln depth: 0.1 is about 10% of the depth.
      low_m, high_m: depth that 5% and 95% of the probability lie before.
    """

    depth_m: Float[AnyArray, "*b h w"]
    confidence: Float[AnyArray, "*b h w"]
    entropy_nats: Float[AnyArray, "*b h w"]
    log_depth_std: Float[AnyArray, "*b h w"]
    low_m: Float[AnyArray, "*b h w"]
    high_m: Float[AnyArray, "*b h w"]

    def times(self, factor: float) -> "Prediction":
        """Gives the same of a world so many times larger."""
        return dataclasses.replace(
            self,
            depth_m=self.depth_m * factor,
            low_m=self.low_m * factor,
            high_m=self.high_m * factor,
        )
