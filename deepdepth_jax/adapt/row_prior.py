"""How the depth bins spread over the rows of an image, in the labels of the source.

CBST (Zou et al. 2018) multiplies the probability of a class with the
frequency of its labels at the pixel, over all pixels 1 in sum, smoothed. Depth depends
on the row far more than on the column, so the rows are enough here.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, Int64
from scipy.ndimage import gaussian_filter1d
from tqdm import tqdm

from deepdepth_jax.adapt.plan import Plan
from deepdepth_jax.bins import IGNORE, DepthBins
from deepdepth_jax.datasets.registry import training_sources
from deepdepth_jax.datasets.source import Source, on_all_cores
from deepdepth_jax.geometry import canonical_scale
from deepdepth_jax.models.heads import build_bins
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.parallel import (
    as_primary_says,
    await_all,
    is_primary,
    own_share,
    sum_over_processes,
)
from deepdepth_jax.types import Example

FILE = "row_prior.npy"
ROWS = 32
"""Cells of equal height, from the top of an image to its bottom."""
SMOOTHING = 1.0
"""Standard deviation of the smoothing over rows, in cells."""
LEAST = 0.01
"""The least prior, where 1 is that of rows at random: no depth is impossible."""

Prior = tuple[tuple[float, ...], ...]
"""ROWS x bins. Empty: none."""


def find_row_prior(plan: Plan, workdir: Path) -> Prior:
    """Computes the prior from the labels of the whole source, once.

    Args:
      plan: of the adaptation.
      workdir: of the adaptation, which gets a file of it.

    Returns:
      The prior. Empty without `adapt.row_prior`.
    """
    if not plan.config.adapt.row_prior:
        return ()
    path = workdir / FILE
    if not as_primary_says(path.exists()):
        prior = prior_of(_count_source(plan))
        if is_primary():
            atomic.write(path, lambda path: np.save(path, prior))
        await_all("the row prior is computed")
    return tuple(map(tuple, np.load(path).tolist()))


def prior_of(counts: Int64[np.ndarray, "rows k"]) -> Float32[np.ndarray, "rows k"]:
    """Computes the prior of each bin from its labelled pixels in each row.

    Args:
      counts: labelled pixels.

    Returns:
      Frequencies whose mean over the rows is 1 before `LEAST` applies. 1 for a bin
      without labels.
    """
    smooth = gaussian_filter1d(
        counts.astype(np.float64), SMOOTHING, axis=0, mode="nearest"
    )
    means = smooth.mean(axis=0)
    shares = np.where(means > 0, smooth / np.where(means > 0, means, 1), 1.0)
    return np.maximum(shares, LEAST).astype(np.float32)


def row_cells(height: int) -> Int32[np.ndarray, " h"]:
    """Returns the cell of the prior that each row of an image belongs to."""
    return (np.arange(height) * ROWS // height).astype(np.int32)


def count_rows(
    depth_m: Float32[np.ndarray, "h w"], bins: DepthBins
) -> Int64[np.ndarray, "rows k"]:
    """Counts the labelled pixels of an image by row and bin."""
    labels = np.asarray(bins.label(depth_m))
    places = row_cells(len(labels))[:, None] * bins.num_bins + labels
    flat = np.bincount(places[labels != IGNORE], minlength=ROWS * bins.num_bins)
    return flat.reshape(ROWS, bins.num_bins)


def _count_source(plan: Plan) -> Int64[np.ndarray, "rows k"]:
    data, bins = plan.config.data, build_bins(plan.config)
    counts = np.zeros((ROWS, bins.num_bins), np.int64)
    for source, _ in training_sources(data):
        for example in _examples(source):
            scale = canonical_scale(data.canonical_focal_px, example.focal_px)
            counts += count_rows(example.depth_m * np.float32(scale), bins)
    return sum_over_processes(counts)


def _examples(source: Source) -> Iterator[Example]:
    share = own_share(len(source))
    read = on_all_cores(lambda position: source.read(share[position]), len(share))
    title = f"row prior of {source.dataset}"
    yield from tqdm(read, title, len(share), disable=not is_primary())
