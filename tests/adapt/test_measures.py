"""Statistics of pseudo-labels, beside plain NumPy."""

import jax
import numpy as np
import pytest

from deepdepth_jax.adapt.measures import LabelStatistics, markdown
from deepdepth_jax.bins import DepthBins
from deepdepth_jax.drawing.plots import save_label_statistics

BINS = DepthBins("sid", 6, 1.0, 64.0)  # edges at powers of two


def statistics():
    """Two maps: labels at 3 m, 12 m and 48 m, some of them off by factors of two."""
    found = LabelStatistics.empty(6)
    truth_m = np.array([[3.0, 6.0, 12.0, 0.0, 48.0, 70.0, 1.5]], np.float32)
    label_m = np.array([[3.0, 3.0, 24.0, 12.0, 48.0, 48.0, 0.0]], np.float32)
    found.add(label_m, truth_m, BINS)
    found.add(np.zeros((1, 2), np.float32), np.full((1, 2), 12, np.float32), BINS)
    return found.compute()


def test_only_labelled_pixels_with_true_depth_within_the_bins_count():
    found = statistics()
    assert found["coverage"] == pytest.approx(4 / 7)
    assert found["abs_rel"] == pytest.approx((0 + 0.5 + 1.0 + 0) / 4)
    by_distance = found["abs_rel_by_distance"]
    assert by_distance["0-10 m"] == pytest.approx(0.25)
    assert by_distance["10-20 m"] == pytest.approx(1.0)
    assert by_distance["20-40 m"] is None
    assert by_distance["40-80 m"] == 0
    shares = found["selected_share_by_true_bin"]
    assert shares == [0.0, 1.0, 1.0, pytest.approx(1 / 3), None, 1.0]
    errors = found["mean_log_error_by_label"]
    half = -np.log(2) / 2
    assert errors == [
        None,
        pytest.approx(half),
        None,
        None,
        pytest.approx(-2 * half),
        0,
    ]


def test_table_and_plot_show_what_is_there(tmp_path):
    found = {"1": statistics(), "2": LabelStatistics.empty(6).compute()}
    first, second = markdown(found).splitlines()[2:]
    assert first == "| 1 | 57.1% | 0.375 | 0.250 | 1.000 |  | 0.000 |"
    assert second == "| 2 |  |  |  |  |  |  |"
    save_label_statistics(tmp_path / "plot.png", BINS.edges_m, found)
    assert (tmp_path / "plot.png").stat().st_size > 5000


def test_nothing_is_compiled_for_a_map_of_a_size_that_was_measured_before():
    """Each map has another number of labelled pixels."""
    compiled = []

    def note(event, _duration_secs, **_):
        compiled.append(event)

    found = LabelStatistics.empty(6)
    truth_m = np.full((5, 7), 12, np.float32)
    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        for labelled in range(1, 6):
            label_m = np.zeros_like(truth_m)
            label_m[:labelled] = 11
            found.add(label_m, truth_m, BINS)
            if labelled == 1:
                compiled.clear()
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
    assert compiled == []
    assert found.selected.sum() == 7 * (1 + 2 + 3 + 4 + 5)
