"""The layers that DeepLab v2 is made of, where Flax's own would not do."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from deepdepth_jax.models.conv.convolution import convolve
from deepdepth_jax.runtime.parallel import AXIS
from deepdepth_jax.types import AnyArray

BATCH_NORM_EPSILON = 1e-5

Extent = Int[AnyArray, "2"] | None
"""Height and width of the images at the top left of an array (b, h, w, ...).

The extent is an argument of the program. Pixels beyond it are padding and do not change
results within. None: the images are the whole array.
"""


def within(x: Shaped[Array, "b h w c"], extent: Extent) -> Shaped[Array, "b h w c"]:
    """Puts zeros beyond the extent, as a convolution pads an image."""
    if extent is None:
        return x
    rows, columns = (jnp.arange(x.shape[1 + axis]) < extent[axis] for axis in (0, 1))
    inside = rows[:, None] & columns[None, :]
    return jnp.where(inside[None, :, :, None], x, 0)


def extent_after(extent: Extent, stride: int) -> Extent:
    """Returns the extent after a convolution with a stride."""
    return None if extent is None else (extent - 1) // stride + 1


def extent_after_pool(extent: Extent) -> Extent:
    """Returns the extent after `pooling.max_pool_ceil`."""
    return None if extent is None else extent // 2 + 1


class Conv(nn.Module):
    """A convolution with torch's symmetric padding, dilation * (kernel_size // 2).

    Attributes:
      features: output channels.
      kernel_size: side of the square kernel, odd.
      stride: step of the output grid, in input pixels.
      dilation: step of the kernel's taps, in input pixels.
      dtype: type of the computation. The kernel (size, size, in, out) is float32,
        and starts as He et al. have it.
    """

    features: int
    kernel_size: int
    stride: int = 1
    dilation: int = 1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b h w c"],
        extent: Extent = None,
        gain: Float[Array, " d"] | None = None,
    ) -> Float[Array, "b h2 w2 d"]:
        """Convolves. Pixels beyond the extent do not count.

        Args:
          x: the input.
          extent: of the images in x.
          gain: factor of each output channel.

        Returns:
          The output.
        """
        if self.kernel_size > 1:
            x = within(x, extent)
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        initializer = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
        kernel = self.param("kernel", initializer, shape)
        if gain is not None:
            of_kernel, gain = _placed(gain)
            kernel *= of_kernel.reshape(1, 1, 1, -1)
        kernel = jnp.asarray(kernel, self.dtype)
        y = convolve(x.astype(self.dtype), kernel, self.stride, self.dilation)
        return y if gain is None else y * gain.astype(self.dtype).reshape(1, 1, 1, -1)


def _placed(gain: Float[Array, " d"]) -> tuple[Float[Array, " d"], ...]:
    """Returns the factors of a kernel and of its output that together are the gain.

    On GPUs the kernel is scaled, so that nothing stands between the convolution and the
    offset and ReLU that cuDNN takes in the same kernel. On CPUs the output is, where
    XLA merges the factor with the offset: scaling all kernels would cost more.
    """
    return jax.lax.platform_dependent(gain, cpu=_to_output, default=_to_kernel)


def _to_output(gain: Float[Array, " d"]) -> tuple[Float[Array, " d"], ...]:
    return jnp.ones_like(gain), gain


def _to_kernel(gain: Float[Array, " d"]) -> tuple[Float[Array, " d"], ...]:
    return gain, jnp.ones_like(gain)


class FrozenBatchNorm(nn.Module):
    """Batch normalisation whose statistics and affine part stay as they were loaded.

    Holds the same variables as `flax.linen.BatchNorm`, so that weights fit both.

    Attributes:
      dtype: of the result. The statistics are float32.
    """

    dtype: Any = jnp.float32

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Normalises. No gradient reaches the four vectors."""
        gain, offset = (
            vector.astype(self.dtype).reshape(1, 1, 1, -1)
            for vector in self.affine(x.shape[-1])
        )
        return x * gain + offset

    @nn.compact
    def affine(self, channels: int) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Returns the gain and the offset of each channel."""
        shape = (channels,)
        scale = self.param("scale", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        mean = self.variable("batch_stats", "mean", jnp.zeros, shape).value
        var = self.variable("batch_stats", "var", jnp.ones, shape).value
        gain = scale * jax.lax.rsqrt(var + BATCH_NORM_EPSILON)
        return jax.lax.stop_gradient((gain, bias - mean * gain))


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
      dtype: of the result. Statistics are float32.
      starts_at_zero: whether a `trained` one starts with scale 0. At the end of a
        residual block it makes the block start as its shortcut, which trains faster
        from scratch (Goyal et al. 2017, section 5.1).

    Returns:
      The Flax module.
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


def resize_bilinear(
    x: Float[Array, "b h w c"], size: tuple[int, int]
) -> Float[Array, "b h2 w2 c"]:
    """Resizes bilinearly with the corners aligned (torch's `align_corners=True`).

    Written as one matrix per axis: forward and gradient are then matrix products.
    `jax.image.resize` aligns pixel edges instead, which is another function.
    """
    rows = interpolation_matrix(x.shape[1], size[0])
    columns = interpolation_matrix(x.shape[2], size[1])
    return resample(x, rows, columns)


def resample(
    x: Float[Array, "b h w c"],
    rows: Float[AnyArray, "h2 h"],
    columns: Float[AnyArray, "w2 w"],
) -> Float[Array, "b h2 w2 c"]:
    """Computes each new row and each new column as a weighted sum of the old ones."""
    # Full float32 also on GPUs that would round matrix products to TF32.
    exact = jax.lax.Precision.HIGHEST
    x = jnp.einsum("bhwc,Hh->bHwc", x, rows, precision=exact)
    return jnp.einsum("bhwc,Ww->bhWc", x, columns, precision=exact)


def interpolation_matrix(size: int, new_size: int) -> Float[np.ndarray, "n m"]:
    """Computes the weights of all old places in each new one, for `resample`.

    Args:
      size: the number of old places.
      new_size: the number of new ones. The first places coincide, and the last ones.
    """
    at = np.linspace(0, size - 1, new_size)[:, None]
    weights = np.maximum(0, 1 - np.abs(at - np.arange(size)[None, :]))
    return weights.astype(np.float32)


def bilinear_taps(
    at: Int[AnyArray, "*n"], size: Any, new_size: Any
) -> tuple[tuple[Int[Array, "*n"], Float[Array, "*n"]], ...]:
    """Computes the nonzero entries of some rows of `interpolation_matrix`.

    The arithmetic is in integers up to the one division, so that places and sizes need
    not be known before the program runs.

    Args:
      at: the new places whose rows are computed.
      size: the number of old places.
      new_size: the number of new ones.

    Returns:
      The old place before each new one with its weight, and the old place behind it
      with its weight.
    """
    steps = jnp.maximum(new_size - 1, 1)
    before = jnp.clip(at * (size - 1) // steps, 0, jnp.maximum(size - 2, 0))
    share = (at * (size - 1) - before * steps) / steps.astype(jnp.float32)
    return (before, 1 - share), (jnp.minimum(before + 1, size - 1), share)


def resize_bilinear_at(
    x: Float[Array, "..."], axis: int, at: Int[Array, " n"], size: Any, new_size: Any
) -> Float[Array, "..."]:
    """Computes some of the new places of `resize_bilinear`, along one axis.

    Args:
      x: an array whose first `size` places along the axis are resized.
      axis: the axis.
      at: the new places that are computed.
      size: the number of old places.
      new_size: the number of new ones.
    """
    shape = [-1 if each == axis else 1 for each in range(x.ndim)]
    first, second = (
        jnp.take(x, old, axis, mode="clip") * weight.reshape(shape)
        for old, weight in bilinear_taps(at, size, new_size)
    )
    return first + second
