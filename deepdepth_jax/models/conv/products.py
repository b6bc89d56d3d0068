"""Convolutions as one matrix product whose results are shifted and summed.

A convolution sums, over the taps of its kernel, the shifted input times the tap's
matrix (c, d). Shifting and multiplying commute, so one product of the input with all
taps of all kernels comes first, and its d columns per tap are shifted afterwards. This
pays off where a kernel has far fewer outputs than inputs, such as a classifier's.

A 1x1 kernel needs no shifts. The gradient of any kernel has the same form: one product
of the input with the output's gradient, shifted to each tap and concatenated.

Everything is NHWC, with kernels (s, s, c, d) of one size, stride 1 and zero padding.
"""

from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.conv.recompute import recomputed

Kernels = tuple[Float[Array, "s s c d"], ...]
Gradients = tuple[Float[Array, "b h w c"], Kernels]


def convolve_and_add(
    x: Float[Array, "b h w c"], kernels: Kernels, dilations: Sequence[int]
) -> Float[Array, "b h w d"]:
    """Computes the sum of the convolutions of one input.

    Args:
      x: the input.
      kernels: the kernels, all of one size.
      dilations: the dilation of each kernel.

    Returns:
      The sum over the kernels.
    """
    size, _, _, outputs = kernels[0].shape
    of_taps = jnp.einsum("bhwc,cz->bhwz", x, _taps_in_a_row(kernels))
    return sum_arrays(
        _shifted(of_taps[..., at * outputs : (at + 1) * outputs], -row, -column)
        for at, (row, column) in enumerate(_places(size, dilations))
    )


def gradients(
    x: Float[Array, "b h w c"],
    kernels: Kernels,
    dy: Float[Array, "b h w d"],
    dilations: Sequence[int],
) -> Gradients:
    """Computes the gradients of `convolve_and_add`.

    Args:
      x: the input.
      kernels: the kernels, all of one size.
      dy: gradient with respect to the output.
      dilations: the dilation of each kernel.

    Returns:
      The gradients with respect to the input and to each kernel.
    """
    of_taps = shifted_to_taps(dy, kernels[0].shape[0], dilations)
    return (
        jnp.einsum("bhwz,cz->bhwc", of_taps, _taps_in_a_row(kernels)),
        kernel_gradients(x, of_taps, kernels),
    )


def convolve_pointwise(
    x: Float[Array, "b h w c"], kernel: Float[Array, "1 1 c d"], dilation: int = 1
) -> Float[Array, "b h w d"]:
    """Multiplies the channels of each pixel with the kernel's matrix."""
    del dilation
    return jnp.einsum("bhwc,cd->bhwd", x, kernel[0, 0])


def pointwise_gradients(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "1 1 c d"],
    dy: Float[Array, "b h w d"],
    dilation: int = 1,
) -> tuple[Float[Array, "b h w c"], Float[Array, "1 1 c d"]]:
    """Computes the gradients of `convolve_pointwise`.

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


def shifted_to_taps(
    dy: Float[Array, "b h w d"], size: int, dilations: Sequence[int]
) -> Float[Array, "b h w z"]:
    """Shifts the output's gradient to the input of each tap and concatenates them."""
    shifted = [_shifted(dy, row, column) for row, column in _places(size, dilations)]
    return jnp.concatenate(shifted, axis=-1)


def kernel_gradients(
    x: Float[Array, "b h w c"], of_taps: Float[Array, "b h w z"], kernels: Kernels
) -> Kernels:
    """Computes the gradients of the kernels from the gradient at each tap."""
    size, _, inputs, outputs = kernels[0].shape
    in_a_row = matrix_gradient(x, of_taps)
    by_kernel = in_a_row.reshape(inputs, len(kernels), size, size, outputs)
    return tuple(by_kernel.transpose(1, 2, 3, 0, 4))


def _taps_in_a_row(kernels: Kernels) -> Float[Array, "c z"]:
    rows = [
        kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1) for kernel in kernels
    ]
    return jnp.concatenate(rows, axis=1)


def _places(size: int, dilations: Sequence[int]) -> list[tuple[int, int]]:
    """Returns the offset (row, column) of each tap of each kernel from its centre."""
    places = []
    for dilation in dilations:
        steps = [dilation * (at - size // 2) for at in range(size)]
        places += [(row, column) for row in steps for column in steps]
    return places


def _shifted(
    x: Float[Array, "b h w c"], rows: int, columns: int
) -> Float[Array, "b h w c"]:
    """Shifts an image down and to the right, and fills with zeros."""
    zero = jnp.zeros((), x.dtype)
    ends = ((0, 0, 0), (rows, -rows, 0), (columns, -columns, 0), (0, 0, 0))
    return jax.lax.pad(x, zero, ends)


def matrix_gradient(
    x: Float[Array, "b h w c"], dy: Float[Array, "b h w d"]
) -> Float[Array, "c d"]:
    """Computes the gradient of x @ matrix with respect to the matrix.

    The product of two matrices needs no copy. JAX derives a product of 4-D arrays, for
    which XLA's CPU compiler first transposes one of them in memory.
    """
    x, dy = (array.reshape(-1, array.shape[-1]) for array in (x, dy))
    return jnp.einsum("pc,pd->cd", x, dy)


def sum_arrays(arrays: Iterable[Array]) -> Array:
    """Sums one or more arrays."""
    first, *others = arrays
    return sum(others, start=first)
