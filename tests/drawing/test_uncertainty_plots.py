import numpy as np
import pytest
from PIL import Image

from deepdepth_jax.drawing.plots import (
    save_reliability_diagram,
    save_sparsification_curves,
)


def image(path):
    with Image.open(path) as opened:
        assert opened.format == "PNG"
        return np.asarray(opened.convert("RGB")).astype(int)


def shaded(path, part=slice(None)):
    """Counts the pixels of light blue areas."""
    red, green, blue = np.moveaxis(image(path)[part], -1, 0)
    return ((blue - red > 25) & (red > 150) & (green > 150)).sum()


def test_the_reliability_diagram_is_as_high_as_the_accuracy(tmp_path):
    highest = (np.arange(15) + 0.5) / 15
    pixels = np.full(15, 10)
    areas = {}
    for accuracy in (0.2, 0.8):
        path = tmp_path / f"{accuracy}.png"
        save_reliability_diagram(path, highest, np.full(15, accuracy), pixels)
        areas[accuracy] = shaded(path)
    assert 3.6 < areas[0.8] / areas[0.2] < 4.4


def test_empty_bins_and_no_pixels_at_all_are_drawn(tmp_path):
    nothing = np.full(15, np.nan)
    save_reliability_diagram(
        tmp_path / "empty.png", nothing, nothing, np.zeros(15, int)
    )
    assert shaded(tmp_path / "empty.png") < 200
    some = np.where(np.arange(15) > 6, (np.arange(15) + 0.5) / 15, np.nan)
    pixels = np.where(np.arange(15) > 6, 100, 0)
    save_reliability_diagram(tmp_path / "some.png", some, some, pixels)
    assert shaded(tmp_path / "some.png") > 5000


def test_the_area_to_the_oracle_is_shaded(tmp_path):
    removed = np.arange(50) / 50
    random, oracle = np.ones(50), np.zeros(50)
    areas = []
    for model in (0.3, 0.9):
        path = tmp_path / f"{model}.png"
        curves = {"abs_rel": (np.full(50, model), oracle, random)}
        save_sparsification_curves(path, removed, {"entropy": curves})
        areas.append(shaded(path))
    assert 2.7 < areas[1] / areas[0] < 3.3


def test_every_error_has_its_axes(tmp_path):
    removed = np.arange(50) / 50
    curves = (1 - 0.5 * removed, 1 - removed, np.ones(50))
    widths = []
    for names in (["abs_rel"], ["abs_rel", "rmse", "d1"]):
        path = tmp_path / f"{len(names)}.png"
        of_errors = dict.fromkeys(names, curves)
        save_sparsification_curves(path, removed, {"entropy": of_errors})
        widths.append(image(path).shape[1])
        third = image(path).shape[1] // len(names)
        for index in range(len(names)):
            part = slice(index * third, (index + 1) * third)
            assert shaded(path, (slice(None), part)) > 2000
    assert widths[1] == 3 * widths[0]


def test_every_uncertainty_has_its_curve_and_the_first_its_area(tmp_path):
    """The others are orange and green, Matplotlib's next colours."""
    removed = np.arange(50) / 50
    level = {"entropy": 0.3, "log_depth_std": 0.5, "max_probability": 0.9}
    path = tmp_path / "three.png"
    curves = {
        name: {"rmse": (np.full(50, model), np.zeros(50), np.ones(50))}
        for name, model in level.items()
    }
    save_sparsification_curves(path, removed, curves)
    pixels = image(path)
    orange, green = (
        np.flatnonzero((np.abs(pixels - color).sum(-1) < 30).sum(1) > 100)
        for color in ((255, 127, 14), (44, 160, 44))
    )
    assert 0 < len(orange) < 5
    assert 0 < len(green) < 5
    assert green.max() < orange.min()
    one = tmp_path / "one.png"
    save_sparsification_curves(one, removed, {"entropy": curves["entropy"]})
    assert shaded(path) == pytest.approx(shaded(one), rel=0.02)
