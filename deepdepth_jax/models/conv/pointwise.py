"""1x1 convolutions as matrix products."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.conv.products import matrix_gradient
from deepdepth_jax.models.conv.recompute import recomputed


def convolve(
    x: Float[Array, "b h w c"], kernel: Float[Array, "1 1 c d"], dilation: int = 1
) -> Float[Array, "b h w d"]:
    """Multiplies the channels of each pixel with the kernel's matrix."""
    del dilation
    return jnp.einsum("bhwc,cd->bhwd", x, kernel[0, 0])


def gradients(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "1 1 c d"],
    dy: Float[Array, "b h w d"],
    dilation: int = 1,
) -> tuple[Float[Array, "b h w c"], Float[Array, "1 1 c d"]]:
    """Computes the gradients of `convolve`.

    Args:
      x: the input.
      kernel: the kernel.
      dy: gradient with respect to the output.
      dilation: without effect.

    Returns:
      The gradients with respect to the input and to the kernel.
    """
    del dilation
    matrix = kernel[0, 0]
    if matrix.shape[0] < matrix.shape[1]:
        # The last convolution of a bottleneck. Its input is a normalisation of a tensor
        # that the gradient keeps anyway.
        x = recomputed(x, dy)
    of_x = jnp.einsum("bhwd,cd->bhwc", dy, matrix)
    return of_x, matrix_gradient(x, dy)[None, None]
