"""Counts, thresholds and selection beside CBST as published, which sorts."""

import numpy as np
import pytest

from deepdepth_jax.adapt.thresholds import (
    CELLS,
    NOTHING,
    class_balanced_thresholds,
    count_confidences,
    global_thresholds,
    portion_of_round,
    rarest_bins,
    select,
)

BINS = 7


def distributions(pixels=3000, seed=0, exact=False):
    """Distributions over bins of very different confidence.

    Where `exact`, all probabilities are multiples of 1/CELLS.
    """
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, (pixels, BINS)) * rng.uniform(0.5, 3, (pixels, 1))
    scores[:, 0] += 2.0  # most pixels, and the most confident ones
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    if exact:
        p = np.floor(p * CELLS) / CELLS
    return p.astype(np.float32)


def sorted_thresholds(labels, confidence, portion):
    """The authors' code: of each class the value at rank floor(portion * N)."""
    thresholds = np.ones(BINS)
    for index in range(BINS):
        values = np.sort(confidence[labels == index])[::-1]
        rank = int(np.floor(len(values) * portion))
        if rank:
            thresholds[index] = values[rank - 1]
    return thresholds


def read(p):
    return p.argmax(axis=1), p.max(axis=1)


@pytest.mark.parametrize("portion", [0.05, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("exact", [False, True])
def test_thresholds_are_those_of_sorting_up_to_one_cell(portion, exact):
    labels, confidence = read(distributions(exact=exact))
    counts = count_confidences(labels, confidence, BINS)
    found = class_balanced_thresholds(counts, portion)
    expected = sorted_thresholds(labels, confidence, portion)
    below = (expected - found)[:-1]
    assert (below >= 0).all()
    assert (below < 1 / CELLS).all()
    if exact:
        np.testing.assert_array_equal(found[:-1], expected[:-1])
    assert found[-1] == NOTHING


@pytest.mark.parametrize("portion", [0.2, 0.5])
def test_the_portion_of_each_bin_is_selected_and_of_the_last_bin_nothing(portion):
    labels, confidence = read(distributions(20_000))
    counts = count_confidences(labels, confidence, BINS)
    chosen = select(labels, confidence, class_balanced_thresholds(counts, portion))
    for index in range(BINS - 1):
        of_bin = labels == index
        wanted = int(np.floor(portion * of_bin.sum()))
        in_a_cell = counts[index].max()
        assert wanted <= chosen[of_bin].sum() < wanted + in_a_cell
    assert not chosen[labels == BINS - 1].any()


def test_a_global_threshold_selects_the_most_confident_of_all():
    labels, confidence = read(distributions(20_000))
    counts = count_confidences(labels, confidence, BINS)
    thresholds = global_thresholds(counts, 0.2)
    assert len(set(thresholds[:-1])) == 1
    chosen = select(labels, confidence, thresholds)
    can_be = labels != BINS - 1
    values = np.sort(confidence[can_be])[::-1]
    wanted = int(np.floor(0.2 * can_be.sum()))
    assert 0 <= values[wanted - 1] - thresholds[0] < 1 / CELLS
    assert wanted <= chosen.sum() < 1.02 * wanted
    shares = [chosen[labels == index].mean() for index in range(BINS - 1)]
    assert shares[0] > max(shares[1:])  # which class balancing mends


def test_counts_of_parts_add_up_to_those_of_the_whole():
    labels, confidence = read(distributions())
    whole = count_confidences(labels, confidence, BINS)
    parts = [count_confidences(labels[s::3], confidence[s::3], BINS) for s in range(3)]
    np.testing.assert_array_equal(sum(parts), whole)
    assert whole.dtype == np.int64
    assert whole.sum() == len(labels)


def test_confidences_of_0_and_1_have_cells_of_their_own():
    counts = count_confidences(
        np.array([0, 1, 1]), np.array([0, 1, 1.0000001], np.float32), 2
    )
    assert counts[0, 0] == 1
    assert counts[1, CELLS - 1] == 2


def test_smoothing_averages_logarithms_of_the_bins_that_have_pixels():
    counts = np.zeros((8, CELLS), np.int64)
    cells = {0: 1024, 1: 2048, 2: 512, 5: 256}
    for index, cell in cells.items():
        counts[index, cell - 128 : cell + 128] = 10
    counts[7, 4000] = 100_000  # the last bin, which must not leak into others
    counts[6, 4000] = 1  # too few to select one of them
    plain = class_balanced_thresholds(counts, 0.5)
    assert plain[[0, 1, 2, 5]].tolist() == [0.25, 0.5, 0.125, 0.0625]
    assert (plain[[3, 4, 6, 7]] == NOTHING).all()
    smoothed = class_balanced_thresholds(counts, 0.5, smoothing_bins=3)
    expected = [(0.25 * 0.5) ** 0.5, (0.25 * 0.5 * 0.125) ** (1 / 3)]
    expected += [(0.5 * 0.125) ** 0.5, 0.0625]
    factors = smoothed[[0, 1, 2, 5]] / expected
    np.testing.assert_allclose(factors, factors[0], atol=1 / CELLS / 0.0625)
    assert (smoothed[[3, 4, 6, 7]] == NOTHING).all()


@pytest.mark.parametrize("portion", [0.05, 0.25, 0.5, 1.0])
def test_smoothed_thresholds_select_the_portion_of_all_pixels(portion):
    """Large bins are far more confident than the small ones between them."""
    rng = np.random.default_rng(0)
    sizes = np.array([40_000, 500, 400, 30_000, 300, 500, 20_000, 9000])
    labels = np.repeat(np.arange(len(sizes)), sizes)
    is_large = sizes[labels] > 1000
    confidence = np.where(
        is_large, rng.beta(8, 2, len(labels)), rng.beta(2, 8, len(labels))
    ).astype(np.float32)
    counts = count_confidences(labels, confidence, len(sizes))
    thresholds = class_balanced_thresholds(counts, portion, smoothing_bins=5)
    chosen = select(labels, confidence, thresholds)
    wanted = int(np.floor(portion * sizes[:-1].sum()))
    assert wanted <= chosen.sum() <= wanted + counts.max()
    in_cells = sum(
        counts[index, int(threshold * CELLS) :].sum()
        for index, threshold in enumerate(thresholds[:-1])
    )
    assert chosen.sum() == in_cells
    assert not chosen[labels == len(sizes) - 1].any()


def test_without_any_pixel_smoothed_thresholds_select_nothing():
    counts = np.zeros((5, CELLS), np.int64)
    counts[4, 4000] = 1000  # the last bin
    counts[2, 4000] = 1
    thresholds = class_balanced_thresholds(counts, 0.2, smoothing_bins=5)
    assert (thresholds == NOTHING).all()


def test_portions_rise_to_their_most():
    portions = [portion_of_round(i, 0.2, 0.05, 0.28) for i in (1, 2, 3)]
    assert portions == pytest.approx([0.2, 0.25, 0.28])


def test_rare_bins_are_the_rarest_and_all_below_a_share():
    pixels = np.array([0, 5000, 7, 3000, 1, 9, 90, 1_000_000])
    assert rarest_bins(pixels, 3, 1e-3) == [4, 2, 5, 6]
    assert rarest_bins(pixels, 1, 0.0) == [4]
    assert rarest_bins(np.zeros(4, int), 3, 1e-3) == []
