"""Thresholds of confidence, from counts of the pixels of each bin by confidence.

CBST (Zou et al. 2018, algorithm 1) sorts the confidences of all pixels of a class. A
count over `CELLS` cells of equal width is enough: it has the same size for any number
of images, several processes add theirs exactly, and a threshold is off by one cell at
most.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int64, Integer

CELLS = 4096
"""Cells of confidence in [0, 1]. A power of two: their edges are exact in float32."""
NOTHING = 1.0
"""The threshold of a bin of which no pixel is to be selected, as in CBST's code."""

Counts = Int64[np.ndarray, "k cells"]


def count_confidences(
    labels: Integer[np.ndarray, "*n"],
    confidence: Float32[np.ndarray, "*n"],
    num_bins: int,
) -> Counts:
    """Counts pixels by their label and the cell of their confidence.

    Args:
      labels: bins in [0, num_bins).
      confidence: in [0, 1].
      num_bins: number of bins, k.

    Returns:
      The counts of the pixels.
    """
    cells = np.clip((confidence * np.float32(CELLS)).astype(np.int32), 0, CELLS - 1)
    places = labels.astype(np.int32) * np.int32(CELLS) + cells
    counts = np.bincount(places.ravel(), minlength=num_bins * CELLS)
    return counts.reshape(num_bins, CELLS)


def class_balanced_thresholds(
    counts: Counts, portion: float, smoothing_bins: int = 1
) -> Float32[np.ndarray, " k"]:
    """Computes the thresholds above which `portion` of the pixels of each bin lie.

    A bin with too few pixels to select one has the threshold `NOTHING`, and so has the
    last bin: it is where networks put the sky, which has no depth.

    Smoothing changes how many pixels of each bin are selected. All thresholds are then
    scaled by one factor, so that `portion` of all pixels lie above them.

    Args:
      counts: see `count_confidences`.
      portion: portion of each bin's pixels to select, in (0, 1].
      smoothing_bins: logarithms of thresholds are averaged over so many neighbouring
        bins, an odd number, of which those with `NOTHING` do not count. 1: not at all.

    Returns:
      The threshold of each bin.
    """
    found = np.array([_threshold(row, portion) for row in counts[:-1]] + [NOTHING])
    if smoothing_bins > 1:
        wanted = int(np.floor(portion * int(counts[:-1].sum())))
        found = _scaled(counts, _smoothed(found, smoothing_bins), wanted)
    return found.astype(np.float32)


def global_thresholds(counts: Counts, portion: float) -> Float32[np.ndarray, " k"]:
    """Computes the one threshold above which `portion` of all pixels lie.

    Pixels of the last bin do not count, and are not selected.

    Args:
      counts: see `count_confidences`.
      portion: portion of the pixels to select, in (0, 1].

    Returns:
      The same threshold for each bin but the last, which has `NOTHING`.
    """
    threshold = _threshold(counts[:-1].sum(axis=0), portion)
    return np.array([threshold] * (len(counts) - 1) + [NOTHING], np.float32)


def select(
    labels: Integer[np.ndarray, "*n"],
    confidence: Float32[np.ndarray, "*n"],
    thresholds: Float32[np.ndarray, " k"],
) -> Bool[np.ndarray, "*n"]:
    """Marks the pixels whose confidence reaches the threshold of their label.

    Never those of the last bin.

    Args:
      labels: bins.
      confidence: in [0, 1].
      thresholds: of each bin.

    Returns:
      The mask.
    """
    return (labels < len(thresholds) - 1) & (confidence >= thresholds[labels])


def portion_of_round(index: int, first: float, step: float, most: float) -> float:
    """Computes the portion of a round, counted from 1."""
    return min(first + step * (index - 1), most)


def rarest_bins(
    pixels: Int[np.ndarray, " k"], count: int, least_share: float
) -> Sequence[int]:
    """Lists the `count` rarest bins, and all others below a share, rarest first.

    Args:
      pixels: selected pixels of each bin. Bins without any are not listed.
      count: how many are listed whatever their share.
      least_share: of all selected pixels.

    Returns:
      The bins.
    """
    present = np.flatnonzero(pixels)
    ordered = present[np.argsort(pixels[present], kind="stable")]
    is_rare = pixels[ordered] < least_share * pixels.sum()
    is_rare[:count] = True
    return [int(index) for index in ordered[is_rare]]


def _threshold(counts: Int64[np.ndarray, " cells"], portion: float) -> float:
    """Finds the lower edge of the highest cell from which on enough pixels lie.

    Enough are floor(portion * all), as in CBST's code.
    """
    wanted = int(np.floor(portion * int(counts.sum())))
    if wanted == 0:
        return NOTHING
    from_top = np.cumsum(counts[::-1])
    cell = CELLS - 1 - int(np.searchsorted(from_top, wanted))
    return cell / CELLS


def _smoothed(
    thresholds: Float[np.ndarray, " k"], count: int
) -> Float[np.ndarray, " k"]:
    """Averages the logarithms of `count` neighbours, without those with `NOTHING`."""
    is_set = thresholds < NOTHING
    logs = np.log(np.where(is_set, np.maximum(thresholds, 0.5 / CELLS), 1.0))
    neighbours = np.maximum(_moving_sums(is_set.astype(np.float64), count), 1.0)
    return np.where(is_set, np.exp(_moving_sums(logs, count) / neighbours), NOTHING)


def _scaled(
    counts: Counts, thresholds: Float[np.ndarray, " k"], wanted: int
) -> Float[np.ndarray, " k"]:
    """Scales the thresholds by the largest factor that selects `wanted` pixels.

    Pixels are ranked by their confidence in multiples of their bin's threshold, as CBST
    ranks bins. Results are lower edges of cells, so that the counts are exactly those
    of the selected pixels: as many as `wanted`, or up to one cell of a bin more.
    """
    is_set = thresholds < NOTHING
    edges = np.arange(CELLS) / CELLS
    multiples = np.where(is_set[:, None], edges / thresholds[:, None], -1.0)
    order = np.argsort(-multiples, axis=None, kind="stable")
    selected = np.cumsum(np.where(is_set[:, None], counts, 0).ravel()[order])
    if selected[-1] == 0:
        return thresholds
    last = np.searchsorted(selected, min(wanted, selected[-1]))
    is_above = multiples >= multiples.ravel()[order[last]]
    lowest = np.where(is_above.any(axis=1), edges[is_above.argmax(axis=1)], NOTHING)
    return np.where(is_set, lowest, NOTHING)


def _moving_sums(
    values: Float[np.ndarray, " k"], count: int
) -> Float[np.ndarray, " k"]:
    padded = np.pad(values, count // 2)
    return np.lib.stride_tricks.sliding_window_view(padded, count).sum(axis=-1)
