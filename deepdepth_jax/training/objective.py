"""The losses of each head: summed over the labelled pixels, with their number."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deepdepth_jax import losses
from deepdepth_jax.bins import IGNORE
from deepdepth_jax.config import TrainConfig
from deepdepth_jax.models.heads import Head
from deepdepth_jax.models.resampling import resize_bilinear
from deepdepth_jax.training.upsampled import upsampled_sums
from deepdepth_jax.types import AnyArray

IsPseudo = Bool[AnyArray, " b"] | None
"""Whether the ground truth of an image is made of pseudo-labels. None: of none."""

Loss = Callable[
    [Float[Array, "b h w c"], Float[AnyArray, "b y x"], IsPseudo],
    tuple[Float[Array, ""], Float[Array, ""]],
]
"""Maps output at its stride, ground truth in metres, `IsPseudo` to `(sum, count)`.

`sum` is the loss summed over the labelled pixels, `count` the number of these. A pixel
without ground truth (0) is not labelled, and neither is one beyond the last bin, unless
`train.beyond` says so. Sum over count, each over all devices, is the mean loss, which
does not depend on how pixels fall on devices. Without labelled pixels both are 0, and
so is the gradient.
"""


def _cross_entropy(head: Head, options: TrainConfig) -> Loss:
    return _over_bins(head, losses.cross_entropy, options)


def _soft_labels(head: Head, options: TrainConfig) -> Loss:
    targets = losses.soft_targets(head.bins, options.soft_label_std)
    return _with_targets(head, targets, options)


def _label_smoothing(head: Head, options: TrainConfig) -> Loss:
    targets = losses.smoothed_targets(head.bins, options.label_smoothing)
    return _with_targets(head, targets, options)


def _with_targets(
    head: Head, targets: Float[np.ndarray, "k k"], options: TrainConfig
) -> Loss:
    def per_pixel(logits: Array, labels: Array) -> Array:
        return losses.soft_cross_entropy(logits, labels, targets)

    return _over_bins(head, per_pixel, options)


def _ordinal(head: Head, options: TrainConfig) -> Loss:
    return _over_bins(head, losses.ordinal, options)


def _over_bins(
    head: Head, per_pixel: Callable[[Array, Array], Array], options: TrainConfig
) -> Loss:
    """Builds a loss that never has the scores of all pixels in memory."""
    of_pseudo = options.pseudo_label_std
    targets = losses.soft_targets(head.bins, np.array(of_pseudo)) if of_pseudo else None

    def terms(scores: Array, labels: Array, depth_m: Array) -> list[Array]:
        found = [per_pixel(scores, labels)]
        if targets is not None:
            found.append(losses.soft_cross_entropy(scores, labels, targets))
        if options.mrkld:
            found.append(losses.uniform_divergence(scores, labels))
        if options.silog_weight:
            expected_m = head.depth_m(head.posterior(scores), "expectation")
            valid = labels != IGNORE
            error = losses.log_error(jnp.log(expected_m), depth_m, valid)
            found += [error, error**2]
        return found

    def loss(
        outputs: Float[Array, "b h w c"],
        depth_m: Float[AnyArray, "b y x"],
        is_pseudo: IsPseudo = None,
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        labels = head.bins.label(depth_m)
        if options.beyond == "last_bin":
            last = head.bins.num_bins - 1
            labels = jnp.where(depth_m > head.bins.edges_m[-1], last, labels)
        pixels = _count(labels != IGNORE)
        of_images, *sums = upsampled_sums(
            terms, head.scores(outputs), labels, jnp.asarray(depth_m)
        )
        if targets is not None:
            softly, *sums = sums
            if is_pseudo is not None:
                of_images = jnp.where(is_pseudo, softly, of_images)
        total = jnp.sum(of_images)
        if options.mrkld:
            divergence, *sums = sums
            if is_pseudo is not None:
                total += options.mrkld * jnp.sum(jnp.where(is_pseudo, divergence, 0.0))
        if options.silog_weight:
            errors, squares = sums
            total += options.silog_weight * losses.silog_sum(errors, squares, pixels)
        return total, jnp.sum(pixels)

    return loss


def _silog(head: Head, _: TrainConfig) -> Loss:
    def of_errors(errors: Array, valid: Array) -> Array:
        squares = jnp.sum(errors**2, axis=(1, 2))
        return losses.silog_sum(jnp.sum(errors, axis=(1, 2)), squares, _count(valid))

    return _of_log_depth(head, of_errors)


def _berhu(head: Head, _: TrainConfig) -> Loss:
    return _of_log_depth(head, losses.berhu_sum)


def _of_log_depth(head: Head, of_errors: Callable[[Array, Array], Array]) -> Loss:
    """Builds a loss of the errors of ln depth, which is one number a pixel."""

    def loss(
        outputs: Float[Array, "b h w 1"],
        depth_m: Float[AnyArray, "b y x"],
        is_pseudo: IsPseudo = None,
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        del is_pseudo
        _, height, width = depth_m.shape
        valid = head.bins.label(depth_m) != IGNORE
        scores = resize_bilinear(head.scores(outputs), (height, width))
        log_depth = head.posterior(scores)[..., 0]
        errors = losses.log_error(log_depth, depth_m, valid)
        return of_errors(errors, valid), jnp.sum(_count(valid))

    return loss


def _count(valid: Bool[Array, "b y x"]) -> Float[Array, " b"]:
    """Counts the labelled pixels of each image."""
    return jnp.sum(valid, axis=(1, 2), dtype=jnp.float32)


LOSSES: Mapping[str, Mapping[str, Callable[..., Loss]]] = MappingProxyType(
    {
        "classification": {
            "cross_entropy": _cross_entropy,
            "soft_labels": _soft_labels,
            "label_smoothing": _label_smoothing,
        },
        "ordinal": {"ordinal": _ordinal},
        "regression": {"silog": _silog, "berhu": _berhu},
    }
)
"""By the names of the head and of the loss. The first one is the head's usual."""


def make_loss(head_name: str, head: Head, options: TrainConfig) -> Loss:
    """Builds the loss of a head, from their names in `heads.HEADS` and `LOSSES`."""
    return LOSSES[head_name][options.loss](head, options)
