"""Losses per pixel or per image, as published."""

import math

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

    Where the label is `IGNORE` the loss is 0, and so is its gradient. The mean over
    labelled pixels is the sum of the result over the number of labels. Sum both over
    all devices before dividing, because devices hold different numbers of labels.

    Args:
      logits: one score per bin.
      labels: bins in [0, k), or `IGNORE`.

    Returns:
      The loss at each pixel, nats.
    """
    # Optax computes NaN for labels of no class: findings/optax_labels_out_of_range.sh.
    valid = labels != IGNORE
    per_pixel = optax.softmax_cross_entropy_with_integer_labels(
        logits, jnp.where(valid, labels, 0)
    )
    return jnp.where(valid, per_pixel, 0.0)


def uniform_divergence(
    logits: Float[Array, "*n k"], labels: Int32[Array, "*n"]
) -> Float[Array, "*n"]:
    """Computes the Kullback-Leibler divergence KL(uniform || softmax(logits)).

    Added to the cross-entropy with pseudo-labels, it keeps the network from becoming
    ever surer of them: MRKLD of CRST (Zou et al. 2019, table 1), up to the constant
    ln k.

    Args:
      logits: one score per bin.
      labels: bins in [0, k), or `IGNORE`, where the result is 0.

    Returns:
      -mean_k log softmax(logits)[k] - ln k, nats. 0 for a uniform distribution.
    """
    divergence = -jnp.mean(jax.nn.log_softmax(logits), axis=-1)
    divergence -= math.log(logits.shape[-1])
    return jnp.where(labels != IGNORE, divergence, 0.0)


def soft_cross_entropy(
    logits: Float[Array, "*n k"],
    labels: Int32[Array, "*n"],
    targets: Float[np.ndarray, "k k"],
) -> Float[Array, "*n"]:
    """Computes the cross-entropy with a target distribution for each label.

    Args:
      logits: one score per bin.
      labels: bins in [0, k), or `IGNORE`, where the loss is 0.
      targets: row l is the distribution for label l.

    Returns:
      -sum_k targets[label, k] log softmax(logits)[k], nats.
    """
    valid = labels != IGNORE
    wanted = jnp.asarray(targets)[jnp.where(valid, labels, 0)]
    return jnp.where(valid, optax.softmax_cross_entropy(logits, wanted), 0.0)


def soft_targets(
    bins: DepthBins, std: float | Float[np.ndarray, " k"]
) -> Float[np.ndarray, "k k"]:
    """Builds soft labels that decay with the distance in log depth.

    SORD (Diaz and Marathe 2019, eq. 2): row l is softmax_k of the negative squared
    difference between the log centres of bins l and k. Dividing it by 2 std^2 makes a
    label approximately a Gaussian with this standard deviation in ln depth. The paper
    has no such factor, which is std = sqrt(1/2), a factor of two in depth.

    Args:
      bins: the depth bins.
      std: standard deviation in ln depth, > 0. Of all labels, or of each.

    Returns:
      The matrix of targets.
    """
    centers = np.log(bins.centers_m.astype(np.float64))
    stds = np.broadcast_to(np.asarray(std, np.float64), centers.shape)
    scores = -((centers[:, None] - centers) ** 2) / (2 * stds[:, None] ** 2)
    return _normalised(np.exp(scores))


def smoothed_targets(bins: DepthBins, smoothing: float) -> Float[np.ndarray, "k k"]:
    """Builds labels that share some of their probability with neighbouring bins.

    The bin itself gets 1 - smoothing, its neighbours half of the smoothing each. The
    first and the last bin have one neighbour, which gets all of it. Label smoothing as
    in Szegedy et al. (2016) spreads it over all classes, which would make every wrong
    depth equally wrong.

    Args:
      bins: the depth bins.
      smoothing: share of the neighbours, in [0, 1).

    Returns:
      The matrix of targets.
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
      beyond: logit of lying beyond each bin. See `heads.Ordinal`.
      labels: bins in [0, k), or `IGNORE`, where the loss is 0.

    Returns:
      The loss at each pixel, nats.
    """
    valid = labels != IGNORE
    bins = jnp.arange(beyond.shape[-1]).reshape((1,) * labels.ndim + (-1,))
    is_beyond = bins < labels[..., None]
    per_bin = jax.nn.softplus(jnp.where(is_beyond, -beyond, beyond))
    return jnp.where(valid, jnp.sum(per_bin, axis=-1), 0.0)


def silog_sum(
    errors: Float[Array, " b"], squares: Float[Array, " b"], pixels: Float[Array, " b"]
) -> Float[Array, ""]:
    """Sums the scale-invariant loss over images, weighted by their labelled pixels.

    The loss of an image is 10 sqrt(mean e^2 - lambda (mean e)^2) with e = ln d - ln g
    and lambda = 0.85 (Eigen et al. 2014, eq. 4, in the form of Lee et al. 2019, BTS).
    BTS averages over the batch of a GPU, so that its loss depends on the number of
    GPUs. Here the means are over the image, as in Eigen et al.

    Args:
      errors: sum of e over each image.
      squares: sum of e^2 over each image.
      pixels: number of labelled pixels of each image.

    Returns:
      The weighted sum.
    """
    count = jnp.maximum(pixels, 1)
    variance = squares / count - SILOG_LAMBDA * (errors / count) ** 2
    # The square root has no derivative at 0.
    return jnp.sum(pixels * SILOG_SCALE * jnp.sqrt(variance + 1e-12))


def berhu_sum(
    errors: Float[Array, "b y x"], valid: Bool[Array, "b y x"]
) -> Float[Array, ""]:
    """Sums the reverse Huber loss over pixels (Laina et al. 2016, eq. 1 and 2).

    |e| up to c, and (e^2 + c^2) / (2 c) beyond, where c is a fifth of the largest |e|
    of the image and has no gradient.

    Args:
      errors: ln d - ln g, 0 where not valid.
      valid: whether the pixel has a label.

    Returns:
      The sum.
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
    """Computes ln d - ln g, and 0 without ground truth."""
    return jnp.where(valid, log_depth - jnp.log(jnp.where(valid, truth_m, 1)), 0.0)
