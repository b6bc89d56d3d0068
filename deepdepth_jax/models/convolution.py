"""Convolutions, in the form that is fastest where they run.

On GPUs and TPUs that is the library's own, but for the gradient with respect to a
dilated kernel, in which XLA does not recognise what cuDNN has for it. On CPUs XLA's own
are slow, above all their gradients with respect to the kernel. What follows replaces
them by matrix products, which run at the speed of the machine (docs/performance.md has
the figures).
"""

import functools
from collections.abc import Callable
from types import MappingProxyType
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models import winograd

Form = Literal["plain", "winograd", "products"]
"""How a convolution is computed on a CPU; see `cpu_form`."""

LEAST_CHANNELS = 32
"""With fewer, the additions of `winograd` cost more than it saves."""

Gradients = tuple[Float[Array, "b h w c"], Float[Array, "s s c d"]]


def convolve(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "s s c d"],
    stride: int = 1,
    dilation: int = 1,
) -> Float[Array, "b h2 w2 d"]:
    """Convolves with torch's symmetric padding, dilation * (kernel size // 2).

    Kernels of 1x1 are a matrix product on every platform: on a GPU the two cost the
    same.

    Args:
      x: the input.
      kernel: of odd size.
      stride: step of the output grid, in input pixels.
      dilation: step of the kernel's taps, in input pixels.
    """
    if kernel.shape[0] == 1:
        return _pointwise(x[:, ::stride, ::stride], kernel[0, 0])
    form = cpu_form(kernel.shape, stride, x.dtype)
    # Exported programs may leave sizes open, by which tiles cannot be cut.
    is_size_known = all(isinstance(side, int) for side in x.shape)
    is_plain_everywhere = form == "plain" and dilation == 1
    if stride > 1 or is_plain_everywhere or not is_size_known:
        return _plain(x, kernel, dilation, stride)
    return _by_platform(form, dilation, x, kernel)


def cpu_form(shape: tuple[int, ...], stride: int, dtype: jnp.dtype) -> Form:
    """Chooses the form for CPUs.

    `products`: the picture times all taps at once, then the taps' results are moved to
    their places and added; for kernels with far fewer outputs than inputs, as a
    classifier's. `winograd`: see the module of that name. Both lose digits in types
    shorter than float32, which they are not used for.

    Args:
      shape: of the kernel.
      stride: of the convolution.
      dtype: what is computed in.
    """
    size, _, inputs, outputs = shape
    if stride > 1 or size != 3 or dtype != jnp.float32:
        return "plain"
    if size * size * outputs <= 4 * inputs:
        return "products"
    return "winograd" if min(inputs, outputs) >= LEAST_CHANNELS else "plain"


def _plain(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "s s c d"],
    dilation: int,
    stride: int = 1,
) -> Float[Array, "b h2 w2 d"]:
    padding = dilation * (kernel.shape[0] // 2)
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=((padding, padding), (padding, padding)),
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@jax.custom_vjp
def _pointwise(
    x: Float[Array, "b h w c"], matrix: Float[Array, "c d"]
) -> Float[Array, "b h w d"]:
    return jnp.einsum("bhwc,cd->bhwd", x, matrix)


def _pointwise_gradients(
    kept: tuple[Array, Array], dy: Float[Array, "b h w d"]
) -> tuple[Float[Array, "b h w c"], Float[Array, "c d"]]:
    x, matrix = kept
    return jnp.einsum("bhwd,cd->bhwc", dy, matrix), _matrix_gradient(x, dy)


_pointwise.defvjp(
    lambda x, matrix: (_pointwise(x, matrix), (x, matrix)), _pointwise_gradients
)


def _matrix_gradient(
    x: Float[Array, "b h w c"], dy: Float[Array, "b h w d"]
) -> Float[Array, "c d"]:
    """Computes the gradient of x @ matrix with respect to the matrix.

    As a product of two matrices, for which XLA copies nothing. For that of pictures, as
    JAX derives it, XLA's CPU compiler turns one of them over in memory first.
    """
    x, dy = (array.reshape(-1, array.shape[-1]) for array in (x, dy))
    return jnp.einsum("pc,pd->cd", x, dy)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _by_platform(
    form: Form,
    dilation: int,
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "3 3 c d"],
) -> Float[Array, "b h w d"]:
    return jax.lax.platform_dependent(x, kernel, **_forms(form, dilation))


def _forward(
    form: Form, dilation: int, x: Array, kernel: Array
) -> tuple[Array, tuple[Array, Array]]:
    return _by_platform(form, dilation, x, kernel), (x, kernel)


def _backward(
    form: Form, dilation: int, kept: tuple[Array, Array], dy: Array
) -> Gradients:
    return jax.lax.platform_dependent(*kept, dy, **_gradient_forms(form, dilation))


_by_platform.defvjp(_forward, _backward)


# The same functions at every call: JAX then traces those of equal layers once, without
# which ResNet-101 starts seconds later.
@functools.cache
def _forms(form: Form, dilation: int) -> dict[str, Callable[..., Array]]:
    return {
        "cpu": functools.partial(_FORWARD[form], dilation=dilation),
        "default": functools.partial(_plain, dilation=dilation),
    }


@functools.cache
def _gradient_forms(form: Form, dilation: int) -> dict[str, Callable[..., Gradients]]:
    return {
        "cpu": functools.partial(_GRADIENTS[form], dilation=dilation),
        "default": functools.partial(_plain_gradients, dilation=dilation),
    }


def _plain_gradients(x: Array, kernel: Array, dy: Array, dilation: int) -> Gradients:
    if dilation == 1:
        _, pull = jax.vjp(lambda x, kernel: _plain(x, kernel, dilation), x, kernel)
        return pull(dy)
    # As JAX derives it, the kernel's gradient is a convolution with a stride. XLA takes
    # for cuDNN's kernel gradient only one without, and runs this with dy for a kernel.
    _, pull = jax.vjp(lambda x: _plain(x, kernel, dilation), x)
    of_taps = _moved_to_taps(dy, kernel.shape[0], dilation)
    return (*pull(dy), _kernel_gradient(x, of_taps, kernel.shape))


def _winograd_gradients(x: Array, kernel: Array, dy: Array, dilation: int) -> Gradients:
    return (
        winograd.input_gradient(dy, kernel, dilation),
        winograd.kernel_gradient(x, dy, dilation),
    )


def _products(
    x: Float[Array, "b h w c"], kernel: Float[Array, "s s c d"], dilation: int
) -> Float[Array, "b h w d"]:
    size, _, _, outputs = kernel.shape
    of_taps = jnp.einsum("bhwc,cz->bhwz", x, _taps_in_a_row(kernel))
    moved = [
        _moved(of_taps[..., at * outputs : (at + 1) * outputs], -row, -column)
        for at, (row, column) in enumerate(_places(size, dilation))
    ]
    return sum(moved[1:], start=moved[0])


def _products_gradients(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "s s c d"],
    dy: Float[Array, "b h w d"],
    dilation: int,
) -> Gradients:
    of_taps = _moved_to_taps(dy, kernel.shape[0], dilation)
    return (
        jnp.einsum("bhwz,cz->bhwc", of_taps, _taps_in_a_row(kernel)),
        _kernel_gradient(x, of_taps, kernel.shape),
    )


def _moved_to_taps(
    dy: Float[Array, "b h w d"], size: int, dilation: int
) -> Float[Array, "b h w z"]:
    """Puts side by side what each tap has of the output's gradient, at its input."""
    moved = [_moved(dy, row, column) for row, column in _places(size, dilation)]
    return jnp.concatenate(moved, axis=-1)


def _kernel_gradient(
    x: Float[Array, "b h w c"],
    of_taps: Float[Array, "b h w z"],
    shape: tuple[int, ...],
) -> Float[Array, "s s c d"]:
    size, _, inputs, outputs = shape
    in_a_row = _matrix_gradient(x, of_taps)
    return in_a_row.reshape(inputs, size, size, outputs).transpose(1, 2, 0, 3)


def _taps_in_a_row(kernel: Float[Array, "s s c d"]) -> Float[Array, "c z"]:
    return kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)


def _places(size: int, dilation: int) -> list[tuple[int, int]]:
    """Gives row and column of each tap, from the middle one."""
    steps = [dilation * (at - size // 2) for at in range(size)]
    return [(row, column) for row in steps for column in steps]


def _moved(
    x: Float[Array, "b h w c"], rows: int, columns: int
) -> Float[Array, "b h w c"]:
    """Moves a picture down and to the right; zeros come in from outside."""
    zero = jnp.zeros((), x.dtype)
    ends = ((0, 0, 0), (rows, -rows, 0), (columns, -columns, 0), (0, 0, 0))
    return jax.lax.pad(x, zero, ends)


_FORWARD: MappingProxyType[Form, Callable[..., Array]] = MappingProxyType(
    {"plain": _plain, "winograd": winograd.convolve, "products": _products}
)
_GRADIENTS: MappingProxyType[Form, Callable[..., Gradients]] = MappingProxyType(
    {
        "plain": _plain_gradients,
        "winograd": _winograd_gradients,
        "products": _products_gradients,
    }
)
