"""The library's convolutions, with gradients that XLA maps to cuDNN's.

XLA recognises cuDNN's backward-filter only where the kernel is not dilated. It would
run the gradient that JAX derives for a dilated kernel as a forward convolution with dy
as the kernel, of the size of the image.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.conv.products import kernel_gradients, shifted_to_taps


def convolve(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "s s c d"],
    dilation: int,
    stride: int = 1,
) -> Float[Array, "b h2 w2 d"]:
    """See `convolution.convolve`."""
    padding = dilation * (kernel.shape[0] // 2)
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=((padding, padding), (padding, padding)),
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def gradients(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "s s c d"],
    dy: Float[Array, "b h w d"],
    dilation: int,
) -> tuple[Float[Array, "b h w c"], Float[Array, "s s c d"]]:
    """Computes the gradients of `convolve` without a stride.

    Args:
      x: the input.
      kernel: the kernel.
      dy: gradient with respect to the output.
      dilation: step of the kernel's taps, in input pixels.

    Returns:
      The gradients with respect to the input and to the kernel.
    """
    of_kernel = _kernel_gradient(x, kernel, dy, dilation)
    _, pull = jax.vjp(lambda x: convolve(x, kernel, dilation), x)
    (of_x,) = pull(dy)
    # Whatever needs the input's gradient waits for the kernel's. On several GPUs, XLA
    # would put that off until its all-reduce, and keep the operands of all layers
    # (findings/xla_gpu_delays_gradients.sh). It drops optimisation barriers too early.
    return of_x * (1 + 0 * of_kernel[0, 0, 0, 0]), of_kernel


def _kernel_gradient(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "s s c d"],
    dy: Float[Array, "b h w d"],
    dilation: int,
) -> Float[Array, "s s c d"]:
    taps, _, inputs, outputs = kernel.shape
    if dilation > 1 and taps**2 * outputs < inputs + outputs:
        # Of a classifier: its shifted gradients are small beside its input.
        of_taps = shifted_to_taps(dy, taps, [dilation])
        return kernel_gradients(x, of_taps, (kernel,))[0]
    if dilation > 1:
        x, dy = interleaved(x, dilation), interleaved(dy, dilation)
    _, pull = jax.vjp(lambda kernel: convolve(x, kernel, 1), kernel)
    return pull(dy)[0]


def interleaved(x: Float[Array, "b h w c"], dilation: int) -> Float[Array, "n h2 w2 c"]:
    """Cuts images into interleaved grids, on which a dilated kernel is not dilated.

    Args:
      x: the images, padded here with zeros to multiples of the dilation.
      dilation: the distance of a grid's pixels.

    Returns:
      The dilation**2 grids of each image, as images of their own.
    """
    batch, *sides, channels = x.shape
    rows, columns = (-(-side // dilation) for side in sides)
    ends = (dilation * rows - sides[0], dilation * columns - sides[1])
    x = jnp.pad(x, ((0, 0), (0, ends[0]), (0, ends[1]), (0, 0)))
    x = x.reshape(batch, rows, dilation, columns, dilation, channels)
    x = x.transpose(0, 2, 4, 1, 3, 5)
    return x.reshape(-1, rows, columns, channels)
