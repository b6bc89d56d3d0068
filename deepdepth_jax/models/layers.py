"""The layers that DeepLab v2 is made of, where Flax's own would not do."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

AXIS = "batch"
"""The name of the device axis; trained normalisation takes its statistics over it."""

BATCH_NORM_EPSILON = 1e-5


class Conv(nn.Module):
    """A convolution with torch's symmetric padding, dilation * (kernel_size // 2).

    Kernels of 1x1 are written as a dot product over channels: on a CPU the gradient
    that XLA derives for a 1x1 kernel is far slower than the same matrix product, and on
    a GPU the two cost the same.

    Attributes:
      features: output channels.
      kernel_size: side of the square kernel, odd.
      stride: step of the output grid, in input pixels.
      dilation: step of the kernel's taps, in input pixels.
      use_bias: whether a bias is added.
      dtype: what is computed in; the kernel itself is float32.
      kernel_init: how the kernel (size, size, in, out) starts; He's by default.
    """

    features: int
    kernel_size: int
    stride: int = 1
    dilation: int = 1
    use_bias: bool = False
    dtype: Any = jnp.float32
    kernel_init: Callable = nn.initializers.variance_scaling(2.0, "fan_out", "normal")

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Convolves."""
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape).astype(self.dtype)
        x = x.astype(self.dtype)
        if self.kernel_size == 1:
            strided = x[:, :: self.stride, :: self.stride]
            y = jnp.einsum("bhwc,cd->bhwd", strided, kernel[0, 0])
        else:
            padding = self.dilation * (self.kernel_size // 2)
            y = jax.lax.conv_general_dilated(
                x,
                kernel,
                window_strides=(self.stride, self.stride),
                padding=((padding, padding), (padding, padding)),
                rhs_dilation=(self.dilation, self.dilation),
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,))
            y = y + bias.astype(self.dtype).reshape(1, 1, 1, -1)
        return y


class FrozenBatchNorm(nn.Module):
    """Batch normalisation whose statistics and affine part stay as they were loaded.

    Holds the same variables as `flax.linen.BatchNorm`, so that weights fit both.

    Attributes:
      dtype: of the result; the statistics are float32.
    """

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Normalises; no gradient reaches the four vectors."""
        shape = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        mean = self.variable("batch_stats", "mean", jnp.zeros, shape).value
        var = self.variable("batch_stats", "var", jnp.ones, shape).value
        gain = scale * jax.lax.rsqrt(var + BATCH_NORM_EPSILON)
        gain, offset = (
            jax.lax.stop_gradient(vector).astype(self.dtype).reshape(1, 1, 1, -1)
            for vector in (gain, bias - mean * gain)
        )
        return x * gain + offset


def batch_norm(
    norm: str,
    *,
    train: bool,
    name: str,
    dtype: Any = jnp.float32,
    starts_at_zero: bool = False,
) -> nn.Module:
    """Builds the normalisation that `model.norm` names.

    Args:
      norm: `frozen`, or `trained` with statistics over the batches of all devices.
      train: whether `trained` takes the batch's statistics or the running ones.
      name: the layer's name in the tree of parameters.
      dtype: of the result; statistics are float32.
      starts_at_zero: whether a `trained` one starts with scale 0. At the end of a
        residual block it makes the block start as its shortcut, which trains faster
        from scratch (Goyal et al. 2017, section 5.1).
    """
    if norm == "frozen":
        return FrozenBatchNorm(dtype=dtype, name=name)
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        epsilon=BATCH_NORM_EPSILON,
        dtype=dtype,
        axis_name=AXIS if train else None,
        scale_init=nn.initializers.zeros if starts_at_zero else nn.initializers.ones,
        name=name,
    )


def max_pool_ceil(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
    """Takes the maximum over 3x3 windows, stride 2, padding 1, size rounded up.

    Torch's `ceil_mode=True`, as in Caffe, which DeepLab v2 comes from: 210 -> 106. One
    more row of padding at the end gives just that for even and for odd sizes.
    """
    return nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 2), (1, 2)))


def resize_bilinear(
    x: Float[Array, "b h w c"], size: tuple[int, int]
) -> Float[Array, "b h2 w2 c"]:
    """Resizes bilinearly with the corners aligned (torch's `align_corners=True`).

    Written as one matrix per axis: forward and gradient are then matrix products.
    `jax.image.resize` aligns pixel edges instead, which is another function.
    """
    rows = _interpolation_matrix(x.shape[1], size[0])
    columns = _interpolation_matrix(x.shape[2], size[1])
    # Full float32 also on GPUs that would round matrix products to TF32.
    exact = jax.lax.Precision.HIGHEST
    x = jnp.einsum("bhwc,Hh->bHwc", x, rows, precision=exact)
    return jnp.einsum("bhwc,Ww->bhWc", x, columns, precision=exact)


def _interpolation_matrix(size: int, new_size: int) -> Float[np.ndarray, "n m"]:
    """Gives each of the new places the weights of the two old ones around it."""
    at = np.linspace(0, size - 1, new_size)[:, None]
    weights = np.maximum(0, 1 - np.abs(at - np.arange(size)[None, :]))
    return weights.astype(np.float32)
