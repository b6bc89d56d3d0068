"""Convolution, normalisation and ReLU, where Flax's own would not do."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from deepdepth_jax.models.conv.convolution import convolve
from deepdepth_jax.models.conv.recompute import save_for_backward
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


@jax.custom_jvp
def relu(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Computes max(x, 0), with a gradient of 0 at 0.

    On CPUs as a choice, not as a maximum, whose gradient goes by the result: a maximum
    XLA's CPU compiler takes anew wherever it is needed, for which it keeps x as well,
    and a training step needs a fifth more memory. On GPUs as a maximum, which cuDNN
    takes in the kernel of the convolution before it.
    """
    return jax.lax.platform_dependent(x, cpu=_choice, default=_maximum)


def _choice(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    return jnp.where(x > 0, x, 0)


def _maximum(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    return jnp.maximum(x, 0)


@relu.defjvp
def _relu_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    y = relu(*primals)
    # Not y > 0: XLA would make x > 0 of it, and keep x beside y.
    return y, jnp.where(y != 0, *tangents, 0)


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
        if self.is_initializing():
            # No variable depends on the output, and tracing it would slow every start.
            return self._blank(x)
        if gain is not None:
            of_kernel, gain = _placed(gain)
            kernel *= of_kernel.reshape(1, 1, 1, -1)
        kernel = jnp.asarray(kernel, self.dtype)
        y = convolve(x.astype(self.dtype), kernel, self.stride, self.dilation)
        return y if gain is None else y * gain.astype(self.dtype).reshape(1, 1, 1, -1)

    def _blank(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Returns zeros of the output's shape."""
        height, width = (-(-side // self.stride) for side in x.shape[1:3])
        shape = x.shape[0], height, width, self.features
        return jnp.zeros(shape, self.dtype)


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


def normalised(
    conv: Conv, norm: nn.Module, x: Float[Array, "b h w c"], extent: Extent = None
) -> Float[Array, "b h2 w2 d"]:
    """Convolves and normalises.

    Args:
      conv: the convolution.
      norm: see `batch_norm`. A frozen one leaves its gain to the convolution.
      x: the input.
      extent: of the images in x. See `Extent`.

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
