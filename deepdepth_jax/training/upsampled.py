"""Sums over all pixels of an image, computed from an output at a coarser stride.

The upsampled output (b, y, x, c) would be the largest array of a training step. It
never exists as a whole. A chunk of pixels is interpolated, its terms are summed, and
the gradient of the sums with respect to the coarse output is accumulated at once, so
the backward pass only scales gradients that the forward pass has left.

Two forms compute the same: `at_labelled_pixels` gathers the labelled pixels, few for
lidar, and suits CPUs. `by_rows` interpolates whole rows by matrix products, in an order
of summation that never varies, and suits GPUs.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from deepdepth_jax.bins import IGNORE
from deepdepth_jax.models.resampling import (
    bilinear_taps,
    interpolation_matrix,
    resample,
)

CHUNK_PX = 2**13
"""Labelled pixels per chunk: they fit into a CPU's cache."""
ROWS_PX = 2**16
"""Pixels per chunk of whole rows: they keep a GPU busy."""

Terms = Callable[
    [Float[Array, "*n c"], Int32[Array, "*n"], Float[Array, "*n"]],
    list[Float[Array, "*n"]],
]
"""Maps output, label and depth of pixels to the terms, which are summed separately.

All terms must be 0 where the label is `IGNORE`.
"""

Sums = list[Float[Array, " b"]]
Gradients = list[Float[Array, "b h w c"]]
"""Of each term summed over the pixels of all images."""


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def upsampled_sums(
    terms: Terms,
    outputs: Float[Array, "b h w c"],
    labels: Int32[Array, "b y x"],
    depth_m: Float[Array, "b y x"],
) -> Sums:
    """Sums terms of the outputs upsampled to the size of the labels.

    Equals `terms(resize_bilinear(outputs, (y, x)), labels, depth_m)`, each term summed
    over rows and columns.

    Args:
      terms: the function of the pixels. Pass the same object to avoid retracing.
      outputs: the network's output at its stride. Gradients are taken of it alone.
      labels: bins, or `IGNORE`.
      depth_m: ground truth in metres, used where there is a label.

    Returns:
      Each term's sum over each image.
    """
    sums, _ = _sums_and_gradients(terms, outputs, labels, depth_m)
    return sums


def _forward(
    terms: Terms, outputs: Array, labels: Array, depth_m: Array
) -> tuple[Sums, Gradients]:
    return _sums_and_gradients(terms, outputs, labels, depth_m)


def _backward(
    terms: Terms, gradients: Gradients, of_sums: Sums
) -> tuple[Float[Array, "b h w c"], None, None]:
    del terms
    parts = [
        of_sum[:, None, None, None] * gradient
        for of_sum, gradient in zip(of_sums, gradients, strict=True)
    ]
    return sum(parts[1:], start=parts[0]), None, None


upsampled_sums.defvjp(_forward, _backward)


def _sums_and_gradients(
    terms: Terms, outputs: Array, labels: Array, depth_m: Array
) -> tuple[Sums, Gradients]:
    return jax.lax.platform_dependent(
        outputs,
        labels,
        depth_m,
        cpu=functools.partial(at_labelled_pixels, terms),
        default=functools.partial(by_rows, terms),
    )


def at_labelled_pixels(
    terms: Terms,
    outputs: Float[Array, "b h w c"],
    labels: Int32[Array, "b y x"],
    depth_m: Float[Array, "b y x"],
) -> tuple[Sums, Gradients]:
    """Computes `upsampled_sums` and its gradients by chunks of labelled pixels.

    Args:
      terms: see `upsampled_sums`.
      outputs: the network's output at its stride.
      labels: bins, or `IGNORE`.
      depth_m: ground truth in metres.

    Returns:
      The sums over each image, and the gradient of each term.
    """
    valid = labels.ravel() != IGNORE
    count = jnp.sum(valid)
    full_chunks = -(-labels.size // CHUNK_PX)
    (pixels,) = jnp.nonzero(valid, size=full_chunks * CHUNK_PX, fill_value=0)

    def add_chunk(
        carry: tuple[Array, Sums, Gradients],
    ) -> tuple[Array, Sums, Gradients]:
        first, sums, gradients = carry
        chunk = jax.lax.dynamic_slice(pixels, (first,), (CHUNK_PX,))
        is_used = first + jnp.arange(CHUNK_PX) < count
        image, row, column = jnp.unravel_index(chunk, labels.shape)
        # The four coarse pixels around each fine one, with their bilinear weights.
        corners = [
            ((image, y, x), (of_y * of_x)[:, None])
            for y, of_y in bilinear_taps(row, outputs.shape[1], labels.shape[1])
            for x, of_x in bilinear_taps(column, outputs.shape[2], labels.shape[2])
        ]
        parts = [weight * outputs[at] for at, weight in corners]
        full = sum(parts[1:], start=parts[0])
        chunk_labels = jnp.where(is_used, labels.ravel()[chunk], IGNORE)
        found, of_full = _values_and_gradients(
            terms, full, chunk_labels, depth_m.ravel()[chunk]
        )
        of_image = jax.nn.one_hot(image, len(labels), axis=0)
        return (
            first + CHUNK_PX,
            [
                total + jnp.matmul(of_image, value, precision="highest")
                for total, value in zip(sums, found, strict=True)
            ],
            [
                _spread(gradient, of_one, corners)
                for gradient, of_one in zip(gradients, of_full, strict=True)
            ],
        )

    start = (jnp.zeros((), count.dtype), *_nothing(terms, outputs))
    _, sums, gradients = jax.lax.while_loop(
        lambda carry: carry[0] < count, add_chunk, start
    )
    return sums, gradients


def _spread(
    gradient: Float[Array, "b h w c"],
    of_full: Float[Array, "n c"],
    corners: list[tuple[tuple[Array, Array, Array], Float[Array, "n 1"]]],
) -> Float[Array, "b h w c"]:
    """Adds the gradients of fine pixels to the coarse pixels: transposed sampling."""
    for at, weight in corners:
        gradient = gradient.at[at].add(weight * of_full)
    return gradient


def by_rows(
    terms: Terms,
    outputs: Float[Array, "b h w c"],
    labels: Int32[Array, "b y x"],
    depth_m: Float[Array, "b y x"],
) -> tuple[Sums, Gradients]:
    """Computes `upsampled_sums` and its gradients by chunks of rows.

    Args:
      terms: see `upsampled_sums`.
      outputs: the network's output at its stride.
      labels: bins, or `IGNORE`.
      depth_m: ground truth in metres.

    Returns:
      The sums over each image, and the gradient of each term.
    """
    batch, height, width = labels.shape
    rows = max(1, ROWS_PX // (batch * width))
    # Rows are padded to whole chunks. Padded labels are IGNORE, their terms 0.
    padding = -height % rows
    to_rows = jnp.asarray(interpolation_matrix(outputs.shape[1], height))
    to_rows = jnp.pad(to_rows, ((0, padding), (0, 0)))
    to_rows = to_rows.reshape(-1, rows, outputs.shape[1])
    to_columns = jnp.asarray(interpolation_matrix(outputs.shape[2], width))

    def in_chunks(array: Array, value: int) -> Array:
        sides = ((0, 0), (0, padding), (0, 0))
        padded = jnp.pad(array, sides, constant_values=value)
        return padded.reshape(batch, -1, rows, width).swapaxes(0, 1)

    def add_chunk(
        carry: tuple[Sums, Gradients], chunk: tuple[Array, Array, Array]
    ) -> tuple[tuple[Sums, Gradients], None]:
        to_rows, labels, depth_m = chunk
        full, pull = jax.vjp(
            lambda outputs: resample(outputs, to_rows, to_columns), outputs
        )
        found, of_full = _values_and_gradients(terms, full, labels, depth_m)
        sums = [jnp.sum(value, axis=(1, 2)) for value in found]
        gradients = [pull(of_one)[0] for of_one in of_full]
        return jax.tree.map(jnp.add, carry, (sums, gradients)), None

    chunks = to_rows, in_chunks(labels, IGNORE), in_chunks(depth_m, 0)
    found, _ = jax.lax.scan(add_chunk, _nothing(terms, outputs), chunks)
    return found


def _values_and_gradients(
    terms: Terms,
    outputs: Float[Array, "*n c"],
    labels: Int32[Array, "*n"],
    depth_m: Float[Array, "*n"],
) -> tuple[list[Float[Array, "*n"]], list[Float[Array, "*n c"]]]:
    """Computes the terms of pixels, and the gradient of each term at its pixel."""
    values, pull = jax.vjp(lambda outputs: terms(outputs, labels, depth_m), outputs)
    zeros = [jnp.zeros_like(value) for value in values]
    gradients = []
    for index, value in enumerate(values):
        (gradient,) = pull([*zeros[:index], jnp.ones_like(value), *zeros[index + 1 :]])
        gradients.append(gradient)
    return values, gradients


def _nothing(terms: Terms, outputs: Float[Array, "b h w c"]) -> tuple[Sums, Gradients]:
    """Returns zero sums and gradients, the start of the accumulation."""
    one = jax.ShapeDtypeStruct((1, outputs.shape[-1]), outputs.dtype)
    label = jax.ShapeDtypeStruct((1,), jnp.int32)
    depth_m = jax.ShapeDtypeStruct((1,), jnp.float32)
    count = len(jax.eval_shape(terms, one, label, depth_m))
    sums = [jnp.zeros(len(outputs), outputs.dtype) for _ in range(count)]
    return sums, [jnp.zeros_like(outputs) for _ in range(count)]
