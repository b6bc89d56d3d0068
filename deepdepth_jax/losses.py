"""The losses as published: of a pixel, or of a picture."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int32

from deepdepth_jax.bins import IGNORE, DepthBins
from deepdepth_jax.types import AnyArray

SILOG_LAMBDA = 0.85
SILOG_SCALE = 10.0
BERHU_SHARE = 0.2


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


def soft_cross_entropy(
    logits: Float[Array, "*n k"],
    labels: Int32[Array, "*n"],
    targets: Float[np.ndarray, "k k"],
) -> Float[Array, "*n"]:
    """Computes the cross-entropy with a distribution that stands for the label.

    Args:
      logits: one score a bin.
      labels: bins in [0, k), or `IGNORE`: 0, as in `cross_entropy`.
      targets: row l is the distribution for label l.

    Returns:
      -sum_k targets[label, k] log softmax(logits)[k], nats.
    """
    valid = labels != IGNORE
    wanted = jnp.asarray(targets)[jnp.where(valid, labels, 0)]
    return jnp.where(valid, optax.softmax_cross_entropy(logits, wanted), 0.0)


def soft_targets(bins: DepthBins, std: float) -> Float[np.ndarray, "k k"]:
    """Makes soft labels of bins: the nearer two in log depth, the more alike.

    SORD (Diaz and Marathe 2019, eq. 2): row l is softmax_k of minus the distance of
    bins l and k, which is the square of the difference of the logarithms of their
    centres. The paper does not weigh it; here it is divided by 2 std^2, so that a label
    is about a Gaussian of this standard deviation in ln depth. sqrt(1/2) is the
    paper's, which is as wide as a factor of two in depth.
    """
    centers = np.log(bins.centers_m.astype(np.float64))
    scores = -((centers[:, None] - centers) ** 2) / (2 * std**2)
    return _normalised(np.exp(scores))


def smoothed_targets(bins: DepthBins, smoothing: float) -> Float[np.ndarray, "k k"]:
    """Makes labels that leave a share of theirs to their neighbours.

    1 - smoothing for the bin itself, and half of the smoothing for the bin on each
    side; the first and the last have one neighbour, which gets all of it. Label
    smoothing (Szegedy et al. 2016) spreads it over all classes, which here would call
    every depth as wrong as any other.
    """
    beside = np.eye(bins.num_bins, k=1) + np.eye(bins.num_bins, k=-1)
    own = np.eye(bins.num_bins)
    targets = (1 - smoothing) * own + smoothing * _normalised(beside)
    return targets.astype(np.float32)


def _normalised(weights: Float[np.ndarray, "k k"]) -> Float[np.ndarray, "k k"]:
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def ordinal(
    beyond: Float[Array, "*n k"], labels: Int32[Array, "*n"]
) -> Float[Array, "*n"]:
    """Computes the ordinal loss at each pixel (DORN, Fu et al. 2018, eq. 2 and 3).

    -sum_{k < label} ln P(beyond k) - sum_{k >= label} ln(1 - P(beyond k)).

    Args:
      beyond: logit of lying beyond each bin; see `heads.Ordinal`.
      labels: bins in [0, k), or `IGNORE`: 0, as in `cross_entropy`.

    Returns:
      Nats.
    """
    valid = labels != IGNORE
    bins = jnp.arange(beyond.shape[-1]).reshape((1,) * labels.ndim + (-1,))
    is_beyond = bins < labels[..., None]
    per_bin = jax.nn.softplus(jnp.where(is_beyond, -beyond, beyond))
    return jnp.where(valid, jnp.sum(per_bin, axis=-1), 0.0)


def silog_sum(
    errors: Float[Array, " b"], squares: Float[Array, " b"], pixels: Float[Array, " b"]
) -> Float[Array, ""]:
    """Sums the scale-invariant loss over pictures, each as often as it has pixels.

    Of a picture it is 10 sqrt(mean e^2 - lambda (mean e)^2) with e = ln d - ln g and
    lambda = 0.85 (Eigen et al. 2014, eq. 4, in the form of Lee et al. 2019, BTS). BTS
    takes the means over the batch of a GPU, so that its loss depends on how many there
    are; here they are over the picture, as Eigen et al. have it.

    Args:
      errors: sum of e over each picture.
      squares: sum of e^2.
      pixels: how many of its pixels have a label; 0 is no contribution.
    """
    count = jnp.maximum(pixels, 1)
    variance = squares / count - SILOG_LAMBDA * (errors / count) ** 2
    # The root of 0 has no derivative.
    return jnp.sum(pixels * SILOG_SCALE * jnp.sqrt(variance + 1e-12))


def berhu_sum(
    errors: Float[Array, "b y x"], valid: Bool[Array, "b y x"]
) -> Float[Array, ""]:
    """Sums the reverse Huber loss over pixels (Laina et al. 2016, eq. 1 and 2).

    |e| up to c, beyond it (e^2 + c^2) / (2 c), where c is a fifth of the largest |e| of
    the picture, and is taken as given.

    Args:
      errors: ln d - ln g; 0 where it is not valid.
      valid: which pixels have a label.
    """
    size = jnp.abs(errors)
    largest = jnp.max(size, axis=(1, 2), keepdims=True)
    bound = jax.lax.stop_gradient(BERHU_SHARE * largest)
    beyond = (errors**2 + bound**2) / (2 * jnp.maximum(bound, 1e-12))
    return jnp.sum(jnp.where(valid, jnp.where(size <= bound, size, beyond), 0.0))


def log_error(
    log_depth: Float[Array, "*n"],
    truth_m: Float[AnyArray, "*n"],
    valid: Bool[Array, "*n"],
) -> Float[Array, "*n"]:
    """Gives ln d - ln g, and 0 where there is no truth."""
    return jnp.where(valid, log_depth - jnp.log(jnp.where(valid, truth_m, 1)), 0.0)
