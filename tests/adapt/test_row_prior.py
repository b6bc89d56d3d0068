"""The prior over rows, from counts and from the labels of the source."""

import numpy as np
import pytest
from scipy.stats import norm
from test_target import make_plan

from deepdepth_jax.adapt import row_prior
from deepdepth_jax.adapt.row_prior import (
    LEAST,
    ROWS,
    count_rows,
    find_row_prior,
    prior_of,
    row_cells,
)
from deepdepth_jax.bins import DepthBins
from deepdepth_jax.datasets.registry import training_sources
from deepdepth_jax.models.heads import build_bins

BINS = DepthBins("sid", 3, 1.0, 27.0)  # edges at 1, 3, 9 and 27 m


def test_a_prior_is_the_smoothed_frequency_over_the_rows():
    counts = np.zeros((ROWS, 3), np.int64)
    counts[10, 0] = 500
    counts[:, 1] = 7
    prior = prior_of(counts)
    assert prior[:, 0].argmax() == 10
    assert prior[10, 0] == pytest.approx(ROWS * norm.pdf(0), rel=1e-3)
    assert prior[12, 0] == pytest.approx(ROWS * norm.pdf(2), rel=1e-3)
    assert (prior[20:, 0] == np.float32(LEAST)).all()
    # As frequent in every row, and without any label.
    np.testing.assert_allclose(prior[:, 1:], 1.0, rtol=1e-6)


def test_pixels_are_counted_by_row_and_bin():
    depth_m = np.zeros((2 * ROWS, 3), np.float32)
    depth_m[0] = 2.0, 10.0, 0.0
    depth_m[1] = 2.0, 30.0, 5.0
    depth_m[-1, 0] = 8.0
    counts = count_rows(depth_m, BINS)
    assert counts[0].tolist() == [2, 1, 1]
    assert counts[-1].tolist() == [0, 1, 0]
    assert counts.sum() == 5
    assert row_cells(7).tolist() == [0, 4, 9, 13, 18, 22, 27]


def test_it_is_counted_over_the_source_once(trained, tmp_path, monkeypatch):
    plan = make_plan(trained, tmp_path, adapt__images=tmp_path, adapt__row_prior=True)
    prior = find_row_prior(plan, tmp_path)
    [(source, _)] = training_sources(plan.config.data)
    bins = build_bins(plan.config)
    counts = sum(count_rows(source.read(i).depth_m, bins) for i in range(len(source)))
    np.testing.assert_array_equal(np.float32(prior), prior_of(counts))
    monkeypatch.setattr(row_prior, "training_sources", None)
    assert find_row_prior(plan, tmp_path) == prior
    without = make_plan(trained, tmp_path, adapt__images=tmp_path)
    assert find_row_prior(without, tmp_path) == ()
