import matplotlib as mpl
import numpy as np
from PIL import Image

from deepdepth_jax.drawing.plots import (
    save_reliability_diagram,
    save_sparsification_curves,
)
from deepdepth_jax.drawing.sheets import Row, figure_sheet, save_depth_histogram

OTHERS = {"text.usetex": True, "font.size": 30.0, "axes.grid": True}
"""Settings of somebody who typesets papers, on a machine without LaTeX."""


def draw_all(folder):
    """Returns the pixels of a figure of every kind."""
    share = np.linspace(0.1, 0.9, 4)
    depth_m = np.full((20, 60), 10, np.float32)
    save_reliability_diagram(folder / "1.png", share, share, np.full(4, 7))
    curves = {"abs_rel": (share, share / 2, share * 2)}
    save_sparsification_curves(folder / "2.png", share, curves)
    edges_m = np.array([1.0, 2, 4, 8])
    save_depth_histogram(folder / "3.png", edges_m, {"all": np.array([1, 2, 3])})
    row = Row(
        "a", np.zeros((20, 60, 3), np.uint8), depth_m, depth_m * 1.2, depth_m / 20
    )
    yield figure_sheet([row], 1.0, 80.0)
    for name in ("1.png", "2.png", "3.png"):
        with Image.open(folder / name) as image:
            yield np.asarray(image)


def test_figures_do_not_depend_on_the_users_matplotlibrc(tmp_path):
    expected = list(draw_all(tmp_path))
    with mpl.rc_context(OTHERS):
        for drawn, plain in zip(draw_all(tmp_path), expected, strict=True):
            np.testing.assert_array_equal(drawn, plain)
        assert mpl.rcParams["font.size"] == OTHERS["font.size"]
