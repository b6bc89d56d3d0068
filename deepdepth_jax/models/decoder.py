"""A decoder: sharpens the coarse features with the backbone's finer ones."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.layers import Conv, Extent, batch_norm, relu
from deepdepth_jax.models.resnet import STAGES


class Decoder(nn.Module):
    """Upsamples features step by step, as U-Net does (Ronneberger et al. 2015).

    Each step upsamples the features to the next finer ones of the backbone, puts both
    side by side, and convolves them. Its normalisation is trained even if the
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
            x = upsample_twice(x, extents[step - 1], features)
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


def upsample_twice(
    x: Float[Array, "b h w c"], extent: Extent, like: Float[Array, "b h2 w2 _"]
) -> Float[Array, "b h2 w2 c"]:
    """Upsamples features bilinearly to the next finer ones.

    A layer of stride 2 puts its feature i at place 2 i of its input. Features return to
    where they came from, whatever the size of the image: those at odd places are the
    mean of their neighbours, and the last one is repeated. To align corners instead
    would stretch 3 rows by 5 / 2 and 30 rows by 59 / 29, so that a network that has
    learned from small images would misplace what it sees in large ones.

    Args:
      x: the features.
      extent: of x. See `layers.Extent`.
      like: the finer features, whose size the result has.

    Returns:
      The features, within the extent of `like`. Beyond it they have no meaning.
    """
    for axis in (1, 2):
        last = (x.shape[axis] if extent is None else extent[axis - 1]) - 1
        at = jnp.arange(like.shape[axis])
        before, after = (
            jnp.take(x, jnp.minimum(old, last), axis, mode="clip")
            for old in (at // 2, (at + 1) // 2)
        )
        x = (before + after) / 2
    return x
