"""Colours that stand for numbers, each with the scale that tells which."""

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

from deepdepth_jax.types import AnyArray

DEPTH_COLOURS = "turbo_r"  # near is red, far is blue
CONFIDENCE_COLOURS = "viridis"
NARROWEST_STRIP_PX = 320
"""In a narrower one the numbers would run together."""
STRIP_HEIGHT_PX = 48
WIDEST_PLAIN_STRIP_PX = 1280
"""The strip under a wider picture is enlarged as a whole."""


@dataclasses.dataclass(frozen=True)
class ColourScale:
    """Colours over the logarithm of a number.

    Attributes:
      colours: of Matplotlib's.
      low, high: the numbers at its ends; what lies outside has the colour of the end.
      low_word, high_word: what the ends mean.
      unit: stands behind the numbers.
    """

    colours: str
    low: float
    high: float
    low_word: str
    high_word: str
    unit: str = ""

    def paint(self, values: Float[AnyArray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        """Gives each number its colour; 0, which means that there is none, is black."""
        values = np.asarray(values)
        share = np.log(np.clip(values, self.low, self.high) / np.float32(self.low))
        share /= np.float32(np.log(self.high / self.low))
        table = _table(self.colours)
        painted = table[np.minimum(share * len(table), len(table) - 1).astype(np.uint8)]
        painted[values <= 0] = 0
        return painted

    def under(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "y x 3"]:
        """Puts the scale under a picture, which keeps every pixel.

        A picture that is narrower than a readable scale stands over its middle.
        """
        height, width = picture.shape[:2]
        strip = self.strip(max(width, NARROWEST_STRIP_PX))
        sheet = np.full((height, strip.shape[1], 3), 255, np.uint8)
        left = (strip.shape[1] - width) // 2
        sheet[:, left : left + width] = picture
        return np.concatenate([sheet, strip])

    def strip(self, width: int) -> UInt8[np.ndarray, "y {width} 3"]:
        """Draws the scale, with its numbers and words, on white."""
        return _draw_strip(self, width)


def depth_scale(min_m: float, max_m: float) -> ColourScale:
    """Makes the scale of depth in metres; one that starts at 0 shows two decades."""
    return ColourScale(
        DEPTH_COLOURS, min_m or max_m / 100, max_m, "near", "far", unit=" m"
    )


def confidence_scale(num_bins: int) -> ColourScale:
    """Makes the scale of the probability of the most probable of so many bins."""
    return ColourScale(CONFIDENCE_COLOURS, 1 / num_bins, 1.0, "unsure", "sure")


def round_ticks(axis: mpl.axis.Axis, low: float, high: float, unit: str) -> None:
    """Puts round numbers, and those of the ends, on a logarithmic axis."""
    steps = np.outer(10.0 ** np.arange(-3, 4), (1, 2, 5)).ravel()
    inside = [low, *(s for s in steps if low * 1.6 < s < high / 1.7), high]
    axis.set_major_locator(FixedLocator(inside))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}{unit}"))


@functools.cache
def _table(colours: str) -> UInt8[np.ndarray, "256 3"]:
    return mpl.colormaps[colours](np.arange(256), bytes=True)[:, :3]


@functools.lru_cache(maxsize=16)
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
    # Sizes in inches are rounded: a pixel may be missing at the right.
    missing = width - drawn.shape[1]
    return np.pad(drawn[:, :width], ((0, 0), (0, max(0, missing)), (0, 0)), mode="edge")
