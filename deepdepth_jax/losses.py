"""The loss: cross-entropy over the pixels that have a label."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int32

from deepdepth_jax.bins import IGNORE
from deepdepth_jax.models.layers import bilinear_taps, interpolation_matrix

CHUNK_PX = 8192
"""How many pixels have their logits at full size in memory at a time."""

LossAndGradient = tuple[Float[Array, ""], Float[Array, "b h w k"]]


def cross_entropy(
    logits: Float[Array, "*n k"], labels: Int32[Array, "*n"]
) -> Float[Array, "*n"]:
    """Computes -log softmax(logits)[label] at each pixel.

    Where the label is `IGNORE` the loss is 0, and so is its gradient: the sum of the
    result over the number of labels is the mean over valid pixels. Take both over all
    devices before dividing, which hold different numbers of valid pixels.

    Args:
      logits: one score a bin.
      labels: bins in [0, k), or `IGNORE`.

    Returns:
      Nats.
    """
    valid = labels != IGNORE
    per_pixel = optax.softmax_cross_entropy_with_integer_labels(
        logits, jnp.where(valid, labels, 0)
    )
    return jnp.where(valid, per_pixel, 0.0)


@jax.custom_vjp
def upsampled_cross_entropy(
    logits: Float[Array, "b h w k"], labels: Int32[Array, "b y x"]
) -> Float[Array, ""]:
    """Sums the cross-entropy of logits that are brought to the size of the labels.

    It equals `cross_entropy(resize_bilinear(logits, (y, x)), labels).sum()`, but logits
    of all pixels, which would be the largest array of a training step, are never in
    memory: not more than those of `CHUNK_PX` pixels or of a row are, whose gradient is
    taken at once.

    On CPUs nothing at all is computed for pixels without a label. Elsewhere all rows
    are computed, by matrix products: that takes no time there, and the sums are taken
    in an order that is always the same.

    Args:
      logits: at the network's output stride.
      labels: bins in [0, k), or `IGNORE`.

    Returns:
      Nats.
    """
    loss, _ = _loss_and_gradient(logits, labels)
    return loss


def _forward(
    logits: Float[Array, "b h w k"], labels: Int32[Array, "b y x"]
) -> LossAndGradient:
    return _loss_and_gradient(logits, labels)


def _backward(
    gradient: Float[Array, "b h w k"], of_loss: Float[Array, ""]
) -> tuple[Float[Array, "b h w k"], None]:
    return of_loss * gradient, None


upsampled_cross_entropy.defvjp(_forward, _backward)


def _loss_and_gradient(
    logits: Float[Array, "b h w k"], labels: Int32[Array, "b y x"]
) -> LossAndGradient:
    return jax.lax.platform_dependent(
        logits, labels, cpu=at_labelled_pixels, default=by_rows
    )


def at_labelled_pixels(
    logits: Float[Array, "b h w k"], labels: Int32[Array, "b y x"]
) -> LossAndGradient:
    """Computes `upsampled_cross_entropy` and its gradient, some pixels at a time."""
    valid = labels.ravel() != IGNORE
    count = jnp.sum(valid)
    full_chunks = -(-labels.size // CHUNK_PX)
    (pixels,) = jnp.nonzero(valid, size=full_chunks * CHUNK_PX, fill_value=0)

    def add_chunk(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        first, loss, gradient = carry
        chunk = jax.lax.dynamic_slice(pixels, (first,), (CHUNK_PX,))
        is_used = first + jnp.arange(CHUNK_PX) < count
        picture, row, column = jnp.unravel_index(chunk, labels.shape)
        corners = [
            ((picture, y, x), (of_y * of_x)[:, None])
            for y, of_y in bilinear_taps(row, logits.shape[1], labels.shape[1])
            for x, of_x in bilinear_taps(column, logits.shape[2], labels.shape[2])
        ]
        parts = [weight * logits[at] for at, weight in corners]
        full = sum(parts[1:], start=parts[0])
        chunk_labels = jnp.where(is_used, labels.ravel()[chunk], IGNORE)
        chunk_loss, of_full = _sum_and_gradient(full, chunk_labels)
        for at, weight in corners:
            gradient = gradient.at[at].add(weight * of_full)
        return first + CHUNK_PX, loss + chunk_loss, gradient

    start = (jnp.zeros((), count.dtype), jnp.zeros(()), jnp.zeros_like(logits))
    _, loss, gradient = jax.lax.while_loop(
        lambda carry: carry[0] < count, add_chunk, start
    )
    return loss, gradient


def by_rows(
    logits: Float[Array, "b h w k"], labels: Int32[Array, "b y x"]
) -> LossAndGradient:
    """Computes `upsampled_cross_entropy` and its gradient, some rows at a time."""
    batch, height, width = labels.shape
    rows = max(1, CHUNK_PX // (batch * width))
    fill = -height % rows
    to_rows = jnp.asarray(interpolation_matrix(logits.shape[1], height))
    to_rows = jnp.pad(to_rows, ((0, fill), (0, 0))).reshape(-1, rows, logits.shape[1])
    to_columns = jnp.asarray(interpolation_matrix(logits.shape[2], width))
    labels = jnp.pad(labels, ((0, 0), (0, fill), (0, 0)), constant_values=IGNORE)
    labels = labels.reshape(batch, -1, rows, width).swapaxes(0, 1)

    def upsample(logits: Array, to_rows: Array) -> Array:
        exact = jax.lax.Precision.HIGHEST
        x = jnp.einsum("bhwk,yh->bywk", logits, to_rows, precision=exact)
        return jnp.einsum("bywk,xw->byxk", x, to_columns, precision=exact)

    def add_chunk(
        carry: LossAndGradient, chunk: tuple[Array, Array]
    ) -> tuple[LossAndGradient, None]:
        loss, gradient = carry
        to_rows, labels = chunk
        full, pull = jax.vjp(lambda logits: upsample(logits, to_rows), logits)
        chunk_loss, of_full = _sum_and_gradient(full, labels)
        return (loss + chunk_loss, gradient + pull(of_full)[0]), None

    start = (jnp.zeros(()), jnp.zeros_like(logits))
    found, _ = jax.lax.scan(add_chunk, start, (to_rows, labels))
    return found


def _sum_and_gradient(
    logits: Float[Array, "*n k"], labels: Int32[Array, "*n"]
) -> tuple[Float[Array, ""], Float[Array, "*n k"]]:
    def total(logits: Array) -> Array:
        return jnp.sum(cross_entropy(logits, labels))

    return jax.value_and_grad(total)(logits)
