"""Convolutions, in the form that is fastest where they run.

On GPUs and TPUs that is the library's own, but for the gradient with respect to a
dilated kernel, in which XLA does not recognise what cuDNN has for it. On CPUs XLA's own
are slow, above all their gradients with respect to the kernel. What follows replaces
them by matrix products, which run at the speed of the machine (docs/performance.md has
the figures).
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
    add_up,
    kernel_gradients,
    matrix_gradient,
    moved_to_taps,
)
from deepdepth_jax.models.conv.recompute import recomputed

Form = Literal["plain", "winograd", "products"]
"""How a convolution is computed on a CPU; see `cpu_form`."""

LEAST_CHANNELS = 32
"""With fewer, the additions of `winograd` cost more than it saves."""


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
    if stride > 1:
        return _plain(x, kernel, dilation, stride)
    return convolve_and_add(x, [kernel], [dilation])


def convolve_and_add(
    x: Float[Array, "b h w c"],
    kernels: Sequence[Float[Array, "s s c d"]],
    dilations: Sequence[int],
) -> Float[Array, "b h w d"]:
    """Adds up convolutions of one input, each as `convolve` has it, without a stride.

    Args:
      x: the input.
      kernels: all of one size, larger than 1x1.
      dilations: of each.
    """
    form = cpu_form(kernels[0].shape, 1, x.dtype)
    # Exported programs may leave sizes open, by which tiles cannot be cut.
    is_size_known = all(isinstance(side, int) for side in x.shape)
    is_plain_everywhere = form == "plain" and set(dilations) == {1}
    if is_plain_everywhere or not is_size_known:
        return _added(_plain)(x, tuple(kernels), dilations)
    return _by_platform(form, tuple(dilations), x, tuple(kernels))


def cpu_form(shape: tuple[int, ...], stride: int, dtype: jnp.dtype) -> Form:
    """Chooses the form for CPUs.

    `products` for kernels with far fewer outputs than inputs, as a classifier's, and
    `winograd`: see the modules of these names. Both lose digits in types shorter than
    float32, which they are not used for.

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
    if matrix.shape[0] < matrix.shape[1]:
        # At the end of a bottleneck: a normalisation of what its gradient has to keep.
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


# The same functions at every call: JAX then traces those of equal layers once, without
# which ResNet-101 starts seconds later.
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


def _added(convolve_one: Callable[..., Array]) -> Callable[..., Array]:
    """Makes a sum over several kernels of what is given for one."""

    def convolve_all(x: Array, kernels: Kernels, dilations: Sequence[int]) -> Array:
        return add_up(map(functools.partial(convolve_one, x), kernels, dilations))

    return convolve_all


def _added_gradients(
    of_one: Callable[..., tuple[Array, Array]],
) -> Callable[..., Gradients]:
    """Makes the gradients of such a sum of those for one kernel."""

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
        return add_up(of_x), of_kernels

    return of_all


def _plain_gradients(
    x: Array, kernel: Array, dy: Array, dilation: int
) -> tuple[Array, Array]:
    if dilation == 1:
        _, pull = jax.vjp(lambda x, kernel: _plain(x, kernel, dilation), x, kernel)
        return pull(dy)
    # As JAX derives it, the kernel's gradient is a convolution with a stride. XLA takes
    # for cuDNN's kernel gradient only one without, and runs this with dy for a kernel.
    _, pull = jax.vjp(lambda x: _plain(x, kernel, dilation), x)
    of_taps = moved_to_taps(dy, kernel.shape[0], [dilation])
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
        "plain": _added(_plain),
        "winograd": _added(winograd.convolve),
        "products": products.convolve_and_add,
    }
)
_GRADIENTS: MappingProxyType[Form, Callable[..., Gradients]] = MappingProxyType(
    {
        "plain": _added_gradients(_plain_gradients),
        "winograd": _added_gradients(_winograd_gradients),
        "products": products.gradients,
    }
)
