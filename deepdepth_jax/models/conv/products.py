"""Convolutions as one matrix product, of which the results are moved and added.

The picture is multiplied with all taps of all kernels at once. It pays where a kernel
has far fewer outputs than inputs, as a classifier's; and for the gradient of any
kernel, where the other factor is the output's gradient at each tap, side by side.

Everything is NHWC, with kernels (s, s, c, d) of one size, stride 1, and zeros around
the picture.
"""

from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Kernels = tuple[Float[Array, "s s c d"], ...]
Gradients = tuple[Float[Array, "b h w c"], Kernels]


def convolve_and_add(
    x: Float[Array, "b h w c"], kernels: Kernels, dilations: Sequence[int]
) -> Float[Array, "b h w d"]:
    """Computes the sum of the convolutions."""
    size, _, _, outputs = kernels[0].shape
    of_taps = jnp.einsum("bhwc,cz->bhwz", x, _taps_in_a_row(kernels))
    return add_up(
        _moved(of_taps[..., at * outputs : (at + 1) * outputs], -row, -column)
        for at, (row, column) in enumerate(_places(size, dilations))
    )


def gradients(
    x: Float[Array, "b h w c"],
    kernels: Kernels,
    dy: Float[Array, "b h w d"],
    dilations: Sequence[int],
) -> Gradients:
    """Computes the gradients of that sum with respect to input and kernels."""
    of_taps = moved_to_taps(dy, kernels[0].shape[0], dilations)
    return (
        jnp.einsum("bhwz,cz->bhwc", of_taps, _taps_in_a_row(kernels)),
        kernel_gradients(x, of_taps, kernels),
    )


def moved_to_taps(
    dy: Float[Array, "b h w d"], size: int, dilations: Sequence[int]
) -> Float[Array, "b h w z"]:
    """Puts side by side what each tap has of the output's gradient, at its input."""
    moved = [_moved(dy, row, column) for row, column in _places(size, dilations)]
    return jnp.concatenate(moved, axis=-1)


def kernel_gradients(
    x: Float[Array, "b h w c"], of_taps: Float[Array, "b h w z"], kernels: Kernels
) -> Kernels:
    """Computes those with respect to the kernels, from what each tap has."""
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
    """Gives row and column of each tap of each kernel, from the middle one."""
    places = []
    for dilation in dilations:
        steps = [dilation * (at - size // 2) for at in range(size)]
        places += [(row, column) for row in steps for column in steps]
    return places


def _moved(
    x: Float[Array, "b h w c"], rows: int, columns: int
) -> Float[Array, "b h w c"]:
    """Moves a picture down and to the right; zeros come in from outside."""
    zero = jnp.zeros((), x.dtype)
    ends = ((0, 0, 0), (rows, -rows, 0), (columns, -columns, 0), (0, 0, 0))
    return jax.lax.pad(x, zero, ends)


def matrix_gradient(
    x: Float[Array, "b h w c"], dy: Float[Array, "b h w d"]
) -> Float[Array, "c d"]:
    """Computes the gradient of x @ matrix with respect to the matrix.

    As a product of two matrices, for which XLA copies nothing. For that of pictures, as
    JAX derives it, XLA's CPU compiler turns one of them over in memory first.
    """
    x, dy = (array.reshape(-1, array.shape[-1]) for array in (x, dy))
    return jnp.einsum("pc,pd->cd", x, dy)


def add_up(arrays: Iterable[Array]) -> Array:
    """Adds up arrays, of which there is one at least."""
    first, *others = arrays
    return sum(others, start=first)
