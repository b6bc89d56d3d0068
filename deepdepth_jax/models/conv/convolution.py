"""Convolutions in the form that is fastest on each platform.

GPUs and TPUs use the library's convolutions. XLA's CPU convolutions are slow, above all
their kernel gradients. This module replaces them by matrix products
(docs/performance.md has the figures).
"""

import functools
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.conv import plain, products, winograd
from deepdepth_jax.models.conv.products import Gradients, Kernels, sum_arrays

Form = Literal["plain", "pointwise", "winograd", "products"]
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

    Args:
      x: the input.
      kernel: the kernel, of odd size s.
      stride: step of the output grid, in input pixels.
      dilation: step of the kernel's taps, in input pixels.

    Returns:
      The output, with sides of ceil(h / stride) and ceil(w / stride).
    """
    if kernel.shape[0] == 1:
        x, stride = x[:, ::stride, ::stride], 1
    if stride > 1:
        return plain.convolve(x, kernel, dilation, stride)
    return convolve_and_add(x, [kernel], [dilation])


def convolve_and_add(
    x: Float[Array, "b h w c"],
    kernels: Sequence[Float[Array, "s s c d"]],
    dilations: Sequence[int],
) -> Float[Array, "b h w d"]:
    """Sums several convolutions of one input, each as in `convolve` with stride 1.

    Args:
      x: the input.
      kernels: all of one size.
      dilations: the dilation of each kernel.

    Returns:
      The sum over the kernels.
    """
    form = cpu_form(kernels[0].shape, 1, x.dtype)
    # Exported programs may have symbolic sizes, which cannot be cut into tiles.
    is_size_known = all(isinstance(side, int) for side in x.shape)
    is_plain_everywhere = form == "plain" and set(dilations) == {1}
    if is_plain_everywhere or not (is_size_known or form == "pointwise"):
        return _summed(plain.convolve)(x, tuple(kernels), dilations)
    return _by_platform(form, tuple(dilations), x, tuple(kernels))


def cpu_form(shape: tuple[int, ...], stride: int, dtype: jnp.dtype) -> Form:
    """Chooses the form of a convolution on CPUs.

    `pointwise` is for 1x1 kernels. `products` suits kernels with far fewer outputs than
    inputs, such as a classifier's. `winograd` suits the other 3x3 kernels. These two
    lose accuracy in types shorter than float32 and are not used there.

    Args:
      shape: shape of the kernel, (s, s, c, d).
      stride: stride of the convolution.
      dtype: type of the computation.

    Returns:
      The name of the form. `plain` is XLA's own convolution.
    """
    size, _, inputs, outputs = shape
    if size == 1:
        return "pointwise"
    if stride > 1 or size != 3 or dtype != jnp.float32:
        return "plain"
    if size * size * outputs <= 4 * inputs:
        return "products"
    return "winograd" if min(inputs, outputs) >= LEAST_CHANNELS else "plain"


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


def _winograd_gradients(
    x: Array, kernel: Array, dy: Array, dilation: int
) -> tuple[Array, Array]:
    return (
        winograd.input_gradient(dy, kernel, dilation),
        winograd.kernel_gradient(x, dy, dilation),
    )


_FORWARD: MappingProxyType[Form, Callable[..., Array]] = MappingProxyType(
    {
        "plain": _summed(plain.convolve),
        "pointwise": _summed(products.convolve_pointwise),
        "winograd": _summed(winograd.convolve),
        "products": products.convolve_and_add,
    }
)
_GRADIENTS: MappingProxyType[Form, Callable[..., Gradients]] = MappingProxyType(
    {
        "plain": _summed_gradients(plain.gradients),
        "pointwise": _summed_gradients(products.pointwise_gradients),
        "winograd": _summed_gradients(_winograd_gradients),
        "products": products.gradients,
    }
)
