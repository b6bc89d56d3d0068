"""Convolutions with the normalisation and the ReLU behind them."""

import flax.linen as nn
from jaxtyping import Array, Float

from deepdepth_jax.models.conv.activation import relu
from deepdepth_jax.models.conv.recompute import save_for_backward
from deepdepth_jax.models.layers import Conv, Extent, FrozenBatchNorm


def normalised(
    conv: Conv, norm: nn.Module, x: Float[Array, "b h w c"], extent: Extent = None
) -> Float[Array, "b h2 w2 d"]:
    """Convolves and normalises.

    Args:
      conv: the convolution.
      norm: see `layers.batch_norm`. A frozen one leaves its gain to the convolution.
      x: the input.
      extent: of the images in x. See `layers.Extent`.

    Returns:
      The normalised output.
    """
    if not isinstance(norm, FrozenBatchNorm):
        return norm(conv(x, extent))
    gain, offset = norm.affine(conv.features)
    return conv(x, extent, gain) + offset.astype(conv.dtype).reshape(1, 1, 1, -1)


def activated(
    conv: Conv, norm: nn.Module, x: Float[Array, "b h w c"], extent: Extent = None
) -> Float[Array, "b h2 w2 d"]:
    """Convolves, normalises and takes the ReLU, and marks what the gradient needs.

    That is the output itself if normalisation is frozen, and else the convolution's.
    See `normalised`.
    """
    if not isinstance(norm, FrozenBatchNorm):
        return relu(norm(save_for_backward(conv(x, extent))))
    return save_for_backward(relu(normalised(conv, norm, x, extent)))
