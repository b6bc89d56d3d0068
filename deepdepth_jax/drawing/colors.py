"""Colour maps for depth and confidence, with their scales."""

import dataclasses
import functools

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from deepdepth_jax.drawing.style import in_default_style
from deepdepth_jax.types import AnyArray

DEPTH_COLOURS = "turbo_r"  # near is red, far is blue
CONFIDENCE_COLOURS = "viridis"
NARROWEST_STRIP_PX = 320
"""In a narrower strip the numbers would overlap."""
STRIP_HEIGHT_PX = 48
WIDEST_PLAIN_STRIP_PX = 1280
"""The strip under a wider image is enlarged."""


@dataclasses.dataclass(frozen=True)
class ColourScale:
    """A colour map over the logarithm of a value.

    Attributes:
      colours: name of a Matplotlib colour map.
      low, high: values at the ends. Values outside have the colour of the nearer end.
      low_word, high_word: words at the ends.
      unit: unit after the numbers.
    """

    colours: str
    low: float
    high: float
    low_word: str
    high_word: str
    unit: str = ""

    def paint(self, values: Float[AnyArray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        """Returns the colour of each value. 0 stands for no value and is black."""
        values = np.asarray(values)
        share = np.log(np.clip(values, self.low, self.high) / np.float32(self.low))
        share /= np.float32(np.log(self.high / self.low))
        table = _table(self.colours)
        painted = table[np.minimum(share * len(table), len(table) - 1).astype(np.uint8)]
        painted[values <= 0] = 0
        return painted

    def under(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "y x 3"]:
        """Returns the image with the scale below it.

        The image keeps its pixels. An image narrower than a readable scale is centred.
        """
        height, width = image.shape[:2]
        strip = self.strip(max(width, NARROWEST_STRIP_PX))
        sheet = np.full((height, strip.shape[1], 3), 255, np.uint8)
        left = (strip.shape[1] - width) // 2
        sheet[:, left : left + width] = image
        return np.concatenate([sheet, strip])

    def strip(self, width: int) -> UInt8[np.ndarray, "y {width} 3"]:
        """Draws the scale with numbers and words on white."""
        return _draw_strip(self, width)


def depth_scale(min_m: float, max_m: float) -> ColourScale:
    """Returns the scale of depth in metres. A range from 0 shows two decades."""
    return ColourScale(
        DEPTH_COLOURS, min_m or max_m / 100, max_m, "near", "far", unit=" m"
    )


def confidence_scale(num_bins: int) -> ColourScale:
    """Returns the scale of the highest probability of `num_bins` bins."""
    return ColourScale(CONFIDENCE_COLOURS, 1 / num_bins, 1.0, "unsure", "sure")


def round_ticks(axis: mpl.axis.Axis, low: float, high: float, unit: str) -> None:
    """Labels a logarithmic axis with round numbers and both ends."""
    steps = np.outer(10.0 ** np.arange(-3, 4), (1, 2, 5)).ravel()
    inside = [low, *(s for s in steps if low * 1.6 < s < high / 1.7), high]
    axis.set_major_locator(FixedLocator(inside))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}{unit}"))


@functools.cache
def _table(colours: str) -> UInt8[np.ndarray, "256 3"]:
    return mpl.colormaps[colours](np.arange(256), bytes=True)[:, :3]


@functools.lru_cache(maxsize=16)
@in_default_style
def _draw_strip(scale: ColourScale, width: int) -> UInt8[np.ndarray, "y {width} 3"]:
    enlarged = max(1.0, width / WIDEST_PLAIN_STRIP_PX)
    size_px = width, round(STRIP_HEIGHT_PX * enlarged)
    dpi = 100 * enlarged
    figure = Figure(figsize=(size_px[0] / dpi, size_px[1] / dpi), dpi=dpi)
    margin = 44 * enlarged / width
    axes = figure.add_axes((margin, 0.56, 1 - 2 * margin, 0.3))
    bar = figure.colorbar(
        ScalarMappable(LogNorm(scale.low, scale.high), scale.colours),
        cax=axes,
        orientation="horizontal",
    )
    round_ticks(bar.ax.xaxis, scale.low, scale.high, scale.unit)
    bar.ax.tick_params(labelsize=8, length=2)
    for x, word in ((margin / 2, scale.low_word), (1 - margin / 2, scale.high_word)):
        figure.text(x, 0.71, word, ha="center", va="center", fontsize=8)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = np.asarray(canvas.buffer_rgba())[..., :3]
    # Sizes in inches are rounded, so the right column may be missing.
    missing = width - drawn.shape[1]
    return np.pad(drawn[:, :width], ((0, 0), (0, max(0, missing)), (0, 0)), mode="edge")
