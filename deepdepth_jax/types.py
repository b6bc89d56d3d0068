"""Types of data that modules exchange."""

import dataclasses
from dataclasses import field
from types import NoneType
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Float32, UInt8

Tree = Any
"""A tree of arrays under the names of the layers, as Flax has it."""

AnyArray = Array | np.ndarray
"""An array on a device or on the host."""


@dataclasses.dataclass(frozen=True)
class Example:
    """One image with its ground truth, at its own size.

    Attributes:
      name: of the frame, unique in its split.
      image: RGB.
      depth_m: metres along the optical axis. 0 = no ground truth.
      focal_px: horizontal focal length of the image, in its pixels. 0 = unknown.
    """

    name: str
    image: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    focal_px: float


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Batch:
    """Images with their depth, side by side in memory.

    Attributes:
      image: RGB as in the file. Padding has the mean colour of ImageNet.
      depth_m: metres along the optical axis. 0 where there is no ground truth, padding
        included.
      is_pseudo: whether the depth of an image is made of pseudo-labels. None: of none.
    """

    image: UInt8[AnyArray, "*devices b h w 3"]
    depth_m: Float[AnyArray, "*devices b h w"]
    is_pseudo: Bool[AnyArray, "*devices b"] | None = None


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Trained:
    """The results of training and calibration, as every prediction takes them.

    Attributes:
      variables: of the network.
      temperature: divides the logits of the distributions that confidence is read off.
        1 leaves them alone. See `uncertainty.confidence.calibrate`.
    """

    variables: dict[str, Tree]
    temperature: Float[AnyArray, ""] | float = 1.0


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Prediction:
    """The prediction for one image, or for a batch.

    Attributes:
      depth_m: metres along the optical axis.
      confidence: probability of the most probable bin, in (0, 1]. This and all below
        are None for a network without distributions.
      entropy_nats: entropy of the distribution over the bins, from 0 to ln k.
      log_depth_std: standard deviation of ln depth: 0.1 is about 10% of the depth.
      low_m, high_m: 5% and 95% quantiles of depth, in metres.
    """

    # Without factories the class would have the defaults as attributes, and
    # `ImagePrediction` could not tell that a map is not computed yet.
    depth_m: Float[AnyArray, "*b h w"]
    confidence: Float[AnyArray, "*b h w"] | None = field(default_factory=NoneType)
    entropy_nats: Float[AnyArray, "*b h w"] | None = field(default_factory=NoneType)
    log_depth_std: Float[AnyArray, "*b h w"] | None = field(default_factory=NoneType)
    low_m: Float[AnyArray, "*b h w"] | None = field(default_factory=NoneType)
    high_m: Float[AnyArray, "*b h w"] | None = field(default_factory=NoneType)

    def maps(self) -> dict[str, AnyArray]:
        """Returns the maps that the network has, by their names."""
        named = {name: getattr(self, name) for name in OUTPUTS}
        return {name: values for name, values in named.items() if values is not None}

    def times(self, factor: float) -> "Prediction":
        """Returns the prediction with all metres scaled by `factor`."""
        in_metres = {name: getattr(self, name) for name in IN_METRES}
        return dataclasses.replace(
            self,
            **{
                name: values * factor
                for name, values in in_metres.items()
                if values is not None
            },
        )


def known(values: AnyArray | None) -> AnyArray:
    """Returns an output of the distribution.

    Raises:
      ValueError: the network predicts no distribution.
    """
    if values is None:
        raise ValueError("the network predicts no distribution, hence no confidence")
    return values


DEPTH = "depth_m"
"""The one map that every network predicts."""
OUTPUTS = tuple(field.name for field in dataclasses.fields(Prediction))
"""The names of all maps that a network may predict."""
IN_METRES = ("depth_m", "low_m", "high_m")
"""The fields of `Prediction` in metres."""
