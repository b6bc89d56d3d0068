"""A decoder: sharpens the coarse features with the backbone's finer ones."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.layers import (
    Conv,
    Extent,
    batch_norm,
    relu,
    resize_bilinear,
    resize_bilinear_at,
)
from deepdepth_jax.models.resnet import STAGES


class Decoder(nn.Module):
    """Upsamples features step by step, as U-Net does (Ronneberger et al. 2015).

    Each step resizes the features bilinearly to the next finer ones of the backbone,
    puts both side by side, and convolves them. Its normalisation is trained even if the
    backbone's is frozen, as it has no pretrained statistics.

    Attributes:
      width: channels of the features between the steps.
      outputs: channels of the output.
      dtype: type of the computation.
    """

    width: int
    outputs: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b h w _"],
        finer: Sequence[Float[Array, "b _ _ _"]],
        extents: Sequence[Extent],
        *,
        train: bool = False,
    ) -> Float[Array, "b h2 w2 k"]:
        """Computes the output at the size of the finest features.

        Args:
          x: the coarsest features.
          finer: features of the backbone, from coarse to fine.
          extents: of x, and of each of `finer`. See `layers.Extent`.
          train: see `layers.batch_norm`.

        Returns:
          The output.
        """

        def norm(name: str) -> nn.Module:
            return batch_norm("trained", train=train, dtype=self.dtype, name=name)

        x = relu(norm("bn0")(x))
        for step, features in enumerate(finer, 1):
            x = resize_within(x, extents[step - 1], features, extents[step])
            x = jnp.concatenate([x, features], axis=-1)
            conv = Conv(self.width, 3, dtype=self.dtype, name=f"conv{step}")
            x = relu(norm(f"bn{step}")(conv(x, extents[step])))
        return nn.Conv(
            self.outputs,
            (1, 1),
            dtype=self.dtype,
            kernel_init=nn.initializers.normal(0.01),
            name="outputs",
        )(x)


def finer_stages(output_stride: int) -> list[int]:
    """Returns the last stage of each finer size than the output's, the finest last."""
    strides = STAGES[output_stride][0]
    return [stage - 1 for stage in (3, 2, 1) if strides[stage] > 1]


def resize_within(
    x: Float[Array, "b h w _"],
    extent: Extent,
    like: Float[Array, "b h2 w2 _"],
    new_extent: Extent,
) -> Float[Array, "b h2 w2 _"]:
    """Resizes the part of x within its extent to the part of another array.

    Args:
      x: the features.
      extent: of x.
      like: the array whose size the result has.
      new_extent: of `like`.

    Returns:
      Within the new extent the features that `layers.resize_bilinear` computes from
      those within the old one, beyond it numbers without meaning.
    """
    height, width = like.shape[1:3]
    if extent is None and isinstance(height, int) and isinstance(width, int):
        return resize_bilinear(x, (height, width))
    for axis in (1, 2):
        size = x.shape[axis] if extent is None else extent[axis - 1]
        new_size = like.shape[axis] if new_extent is None else new_extent[axis - 1]
        at = jnp.minimum(jnp.arange(like.shape[axis]), new_size - 1)
        x = resize_bilinear_at(x, axis, at, size, new_size)
    return x
