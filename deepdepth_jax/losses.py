"""The loss: cross-entropy over the pixels that have a label."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int32

from deepdepth_jax.bins import IGNORE


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
