"""Convolutions in the form that is fastest on each platform.

GPUs and TPUs use the library's convolutions, except for the gradient with respect to a
dilated kernel, which XLA does not map to cuDNN's backward-filter. XLA's CPU
convolutions are slow, above all their kernel gradients. This module replaces them by
matrix products (docs/performance.md has the figures).
"""

import functools
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.conv import products, winograd
from deepdepth_jax.models.conv.products import (
    Gradients,
    Kernels,
    kernel_gradients,
    matrix_gradient,
    shifted_to_taps,
    sum_arrays,
)
from deepdepth_jax.models.conv.recompute import recomputed

Form = Literal["plain", "winograd", "products"]
"""How a convolution is computed on a CPU. See `cpu_form`."""

LEAST_CHANNELS = 32
"""Below this, the additions of `winograd` cost more than it saves."""


def convolve(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "s s c d"],
    stride: int = 1,
    dilation: int = 1,
) -> Float[Array, "b h2 w2 d"]:
    """Convolves with torch's symmetric padding, dilation * (kernel size // 2).

    A 1x1 convolution is a matrix product on every platform. On a GPU both forms cost
    the same.

    Args:
      x: the input.
      kernel: the kernel, of odd size s.
      stride: step of the output grid, in input pixels.
      dilation: step of the kernel's taps, in input pixels.

    Returns:
      The output, with sides of ceil(h / stride) and ceil(w / stride).
    """
    if kernel.shape[0] == 1:
        return _pointwise(x[:, ::stride, ::stride], kernel[0, 0])
    if stride > 1:
        return _plain(x, kernel, dilation, stride)
    return convolve_and_add(x, [kernel], [dilation])


def convolve_and_add(
    x: Float[Array, "b h w c"],
    kernels: Sequence[Float[Array, "s s c d"]],
    dilations: Sequence[int],
) -> Float[Array, "b h w d"]:
    """Sums several convolutions of one input, each as in `convolve` with stride 1.

    Args:
      x: the input.
      kernels: all of one size, larger than 1x1.
      dilations: the dilation of each kernel.

    Returns:
      The sum over the kernels.
    """
    form = cpu_form(kernels[0].shape, 1, x.dtype)
    # Exported programs may have symbolic sizes, which cannot be cut into tiles.
    is_size_known = all(isinstance(side, int) for side in x.shape)
    is_plain_everywhere = form == "plain" and set(dilations) == {1}
    if is_plain_everywhere or not is_size_known:
        return _summed(_plain)(x, tuple(kernels), dilations)
    return _by_platform(form, tuple(dilations), x, tuple(kernels))


def cpu_form(shape: tuple[int, ...], stride: int, dtype: jnp.dtype) -> Form:
    """Chooses the form of a convolution on CPUs.

    `products` suits kernels with far fewer outputs than inputs, such as a classifier's.
    `winograd` suits the other 3x3 kernels. Both lose accuracy in types shorter than
    float32 and are not used there.

    Args:
      shape: shape of the kernel, (s, s, c, d).
      stride: stride of the convolution.
      dtype: type of the computation.

    Returns:
      The name of a module in this folder, or `plain` for XLA's own convolution.
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
    if matrix.shape[0] < matrix.shape[1]:
        # The last convolution of a bottleneck. Its input is a normalisation of a tensor
        # that the gradient keeps anyway.
        x = recomputed(x, dy)
    return jnp.einsum("bhwd,cd->bhwc", dy, matrix), matrix_gradient(x, dy)


_pointwise.defvjp(
    lambda x, matrix: (_pointwise(x, matrix), (x, matrix)), _pointwise_gradients
)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _by_platform(
    form: Form,
    dilations: tuple[int, ...],
    x: Float[Array, "b h w c"],
    kernels: Kernels,
) -> Float[Array, "b h w d"]:
    return jax.lax.platform_dependent(x, kernels, **_forms(form, dilations))


def _forward(
    form: Form, dilations: tuple[int, ...], x: Array, kernels: Kernels
) -> tuple[Array, tuple[Array, Kernels]]:
    return _by_platform(form, dilations, x, kernels), (x, kernels)


def _backward(
    form: Form, dilations: tuple[int, ...], kept: tuple[Array, Kernels], dy: Array
) -> Gradients:
    return jax.lax.platform_dependent(*kept, dy, **_gradient_forms(form, dilations))


_by_platform.defvjp(_forward, _backward)


# Cached, so that JAX sees the same function objects and traces equal layers once.
# Otherwise ResNet-101 starts seconds later.
@functools.cache
def _forms(form: Form, dilations: tuple[int, ...]) -> dict[str, Callable[..., Array]]:
    return {
        "cpu": functools.partial(_FORWARD[form], dilations=dilations),
        "default": functools.partial(_FORWARD["plain"], dilations=dilations),
    }


@functools.cache
def _gradient_forms(
    form: Form, dilations: tuple[int, ...]
) -> dict[str, Callable[..., Gradients]]:
    return {
        "cpu": functools.partial(_GRADIENTS[form], dilations=dilations),
        "default": functools.partial(_GRADIENTS["plain"], dilations=dilations),
    }


def _summed(convolve_one: Callable[..., Array]) -> Callable[..., Array]:
    """Extends a convolution with one kernel to a sum over several kernels."""

    def convolve_all(x: Array, kernels: Kernels, dilations: Sequence[int]) -> Array:
        return sum_arrays(map(functools.partial(convolve_one, x), kernels, dilations))

    return convolve_all


def _summed_gradients(
    of_one: Callable[..., tuple[Array, Array]],
) -> Callable[..., Gradients]:
    """Extends the gradients for one kernel to those of a sum over several kernels."""

    def of_all(
        x: Array, kernels: Kernels, dy: Array, dilations: Sequence[int]
    ) -> Gradients:
        of_x, of_kernels = zip(
            *(
                of_one(x, kernel, dy, dilation)
                for kernel, dilation in zip(kernels, dilations, strict=True)
            ),
            strict=True,
        )
        return sum_arrays(of_x), of_kernels

    return of_all


def _plain_gradients(
    x: Array, kernel: Array, dy: Array, dilation: int
) -> tuple[Array, Array]:
    if dilation == 1:
        _, pull = jax.vjp(lambda x, kernel: _plain(x, kernel, dilation), x, kernel)
        return pull(dy)
    # JAX derives the kernel's gradient as a strided convolution. XLA maps only an
    # unstrided one to cuDNN's backward-filter. It would run this one as a forward
    # convolution with dy as the kernel.
    _, pull = jax.vjp(lambda x: _plain(x, kernel, dilation), x)
    of_taps = shifted_to_taps(dy, kernel.shape[0], [dilation])
    return (*pull(dy), *kernel_gradients(x, of_taps, (kernel,)))


def _winograd_gradients(
    x: Array, kernel: Array, dy: Array, dilation: int
) -> tuple[Array, Array]:
    return (
        winograd.input_gradient(dy, kernel, dilation),
        winograd.kernel_gradient(x, dy, dilation),
    )


_FORWARD: MappingProxyType[Form, Callable[..., Array]] = MappingProxyType(
    {
        "plain": _summed(_plain),
        "winograd": _summed(winograd.convolve),
        "products": products.convolve_and_add,
    }
)
_GRADIENTS: MappingProxyType[Form, Callable[..., Gradients]] = MappingProxyType(
    {
        "plain": _summed_gradients(_plain_gradients),
        "winograd": _summed_gradients(_winograd_gradients),
        "products": products.gradients,
    }
)
