"""The first stages of a round: score, set thresholds, label.

Each stage ends with a file that appears whole. A file that is there is a stage that is
done, so that an adaptation resumes at the unfinished one.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

from deepdepth_jax.adapt.plan import Plan
from deepdepth_jax.adapt.round_files import Round
from deepdepth_jax.adapt.row_prior import Prior
from deepdepth_jax.adapt.scoring import (
    Labeller,
    join_manifest,
    score,
    write_labels,
)
from deepdepth_jax.adapt.target import TargetImage
from deepdepth_jax.adapt.thresholds import (
    Counts,
    class_balanced_thresholds,
    global_thresholds,
)
from deepdepth_jax.errors import UserError
from deepdepth_jax.models.heads import build_bins
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.parallel import as_primary_says, await_all, is_primary
from deepdepth_jax.types import Trained


def label_target(
    plan: Plan,
    each: Round,
    trained: Trained,
    images: Sequence[TargetImage],
    prior: Prior = (),
) -> None:
    """Scores the target, sets the thresholds and writes the pseudo-labels.

    Args:
      plan: of the adaptation.
      each: the round.
      trained: the network of the round before.
      images: of the target.
      prior: of the bins over the rows, see `find_row_prior`.

    Raises:
      UserError: no pixel is selected, or an image cannot be read any more.
    """
    if not as_primary_says(each.histogram.exists()):
        labeller = Labeller(plan.config, trained, prior)
        counts = score(labeller, images, build_bins(plan.config).num_bins)
        if is_primary():
            atomic.write(each.histogram, lambda path: np.save(path, counts))
        await_all(f"round {each.index} is scored")
    if not as_primary_says(each.manifest.exists()):
        _write_labels(plan, each, trained, images, prior)
        await_all(f"round {each.index} is labelled")


def _write_labels(
    plan: Plan,
    each: Round,
    trained: Trained,
    images: Sequence[TargetImage],
    prior: Prior,
) -> None:
    config, counts = plan.config, np.load(each.histogram)
    thresholds = find_thresholds(plan, each.index, counts)
    if is_primary():
        described = _describe(plan, each.index, counts, thresholds)
        atomic.write(each.thresholds, json.dumps(described, indent=2) + "\n")
    weights = tuple(thresholds.tolist()) if config.adapt.label == "reweighted" else ()
    labeller = Labeller(config, trained, prior, weights)
    found = write_labels(labeller, images, thresholds, config, each.folder)
    selected = found.selected
    if not selected.any():
        raise UserError(
            f"round {each.index}: no pixel of the {len(images)} images was selected; "
            f"{_remedy(counts)} (see {each.thresholds})"
        )
    if is_primary():
        kept, share = len(images) - found.empty, selected.sum() / counts.sum()
        print(
            f"round {each.index}: labelled {share:.1%} of all pixels, in {kept} of "
            f"{len(images)} images",
            flush=True,
        )
        numbers = {
            "images": kept,
            "images_without_labels": found.empty,
            "pixels": int(counts.sum()),
            "selected": selected.tolist(),
        }
        if config.adapt.label == "soft":
            numbers["label_std"] = [round(x, 4) for x in found.stds().tolist()]
        atomic.write(each.labels, json.dumps(numbers, indent=2) + "\n")
        join_manifest(each.folder)


def _remedy(counts: Counts) -> str:
    """Describes how some pixel may be selected."""
    if counts[:-1].any():
        return "raise adapt.portion, with another --workdir"
    return "the network labels all as the last bin, which is left out; take another"


def find_thresholds(
    plan: Plan, index: int, counts: Counts
) -> Float32[np.ndarray, " k"]:
    """Computes the thresholds of a round, by the policy."""
    section, portion = plan.config.adapt, plan.portion(index)
    if section.policy == "global":
        return global_thresholds(counts, portion)
    return class_balanced_thresholds(counts, portion, section.smoothing_bins)


def _describe(
    plan: Plan, index: int, counts: Counts, thresholds: Float32[np.ndarray, " k"]
) -> dict[str, Any]:
    return {
        "policy": plan.config.adapt.policy,
        "portion": plan.portion(index),
        "edges_m": build_bins(plan.config).edges_m.tolist(),
        "pixels": counts.sum(axis=1).tolist(),
        "thresholds": thresholds.tolist(),
    }
