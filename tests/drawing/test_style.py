import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from deepdepth_jax.drawing.plots import (
    save_depth_histogram,
    save_label_statistics,
    save_reliability_diagram,
    save_sparsification_curves,
)

OTHERS = {"text.usetex": True, "font.size": 30.0, "axes.grid": True}
"""Settings of somebody who typesets papers, on a machine without LaTeX."""


def draw_all(folder):
    """Yields the pixels of a plot of every kind."""
    share = np.linspace(0.1, 0.9, 4)
    save_reliability_diagram(folder / "1.png", share, share, np.full(4, 7))
    curves = {"entropy": {"abs_rel": (share, share / 2, share * 2)}}
    save_sparsification_curves(folder / "2.png", share, curves)
    edges_m = np.array([1.0, 2, 4, 8])
    save_depth_histogram(folder / "3.png", edges_m, {"all": np.array([1, 2, 3])})
    found = {"selected_share_by_true_bin": share, "mean_log_error_by_label": -share}
    save_label_statistics(folder / "4.png", np.arange(5.0), {"1": found})
    for name in ("1.png", "2.png", "3.png", "4.png"):
        with Image.open(folder / name) as image:
            yield np.asarray(image)


def test_figures_do_not_depend_on_the_users_matplotlibrc(tmp_path):
    expected = list(draw_all(tmp_path))
    with mpl.rc_context(OTHERS):
        for drawn, plain in zip(draw_all(tmp_path), expected, strict=True):
            np.testing.assert_array_equal(drawn, plain)
        assert mpl.rcParams["font.size"] == OTHERS["font.size"]


@pytest.mark.parametrize("largest", [0.021, 0.17, 0.9, 12.5])
def test_no_text_is_cut_off(largest, tmp_path):
    """Among the numbers at the axes are 0.0025 and -0.075."""
    none = np.full(4, np.nan)
    save_reliability_diagram(tmp_path / "1.png", none, none, np.zeros(4, int))
    share = np.linspace(0, 0.9, 4)
    curve = largest * (1 - share)
    for count in (1, 3):
        curves = dict.fromkeys(("abs_rel", "rmse", "d1")[:count], (curve, curve, curve))
        path = tmp_path / f"{count + 1}.png"
        names = ("entropy", "log_depth_std", "max_probability")[:count]
        save_sparsification_curves(path, share, dict.fromkeys(names, curves))
    edges_m = np.geomspace(1, 800, 5)
    for sign in (-1, 1):
        found = {
            "selected_share_by_true_bin": share * largest,
            "mean_log_error_by_label": sign * curve,
        }
        path = tmp_path / f"labels{sign}.png"
        save_label_statistics(path, edges_m, {"1": found})
        save_depth_histogram(tmp_path / "5.png", edges_m, {"a": np.array([1, 0, 0, 0])})
    paths = list(tmp_path.iterdir())
    assert len(paths) == 6
    for path in paths:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
        for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
            assert (edge == 255).all(), path
