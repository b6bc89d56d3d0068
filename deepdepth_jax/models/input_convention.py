"""Input conventions of backbones: colour order, scale, mean and std."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from deepdepth_jax.types import AnyArray


@dataclasses.dataclass(frozen=True)
class InputConvention:
    """The map from an 8-bit image to the network's input: (x / scale - mean) / std.

    Attributes:
      order: order of the colours.
      scale: divisor of the 8-bit values.
      mean: mean of the scaled values, in `order`.
      std: standard deviation of the scaled values, in `order`.
    """

    order: Literal["rgb", "bgr"]
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __call__(self, image: Num[AnyArray, "b h w 3"]) -> Float[Array, "b h w 3"]:
        """Converts RGB images with values from 0 to 255.

        XLA multiplies by 1 / scale, so NumPy's results differ in the last bit
        (findings/xla_divides_by_multiplying.sh).
        """
        image = jnp.asarray(image)
        ordered = image if self.order == "rgb" else image[..., ::-1]
        mean = jnp.asarray(self.mean).reshape(1, 1, 1, 3)
        std = jnp.asarray(self.std).reshape(1, 1, 1, 3)
        return (ordered.astype(jnp.float32) / self.scale - mean) / std


CONVENTIONS: Mapping[str, InputConvention] = MappingProxyType(
    {
        # torchvision, timm, Hugging Face.
        "imagenet_rgb": InputConvention(
            "rgb", 255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        ),
        # Caffe's ResNets, their descendants, and Keras.
        "caffe_bgr": InputConvention(
            "bgr", 1.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)
        ),
        # Caffe's DeepLab.
        "deeplab_bgr": InputConvention(
            "bgr", 1.0, (104.008, 116.669, 122.679), (1.0, 1.0, 1.0)
        ),
    }
)
