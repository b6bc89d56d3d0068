"""Colour maps for depth, confidence and errors, with their scales.

They are Matplotlib's, which takes longer to import than an image takes to predict: the
256 colours of each stand in a file beside this one, such as `viridis.png`.
"""

import dataclasses
import functools
import math
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from deepdepth_jax.types import AnyArray

DEPTH_COLOURS = "turbo_r"  # near is red, far is blue
CONFIDENCE_COLOURS = "viridis"
ERROR_COLOURS = "inferno"
LARGEST_SHOWN_ERROR = 0.5
NARROWEST_STRIP_PX = 320
"""In a narrower strip the numbers would overlap."""
STRIP_HEIGHT_PX = 48
WIDEST_PLAIN_STRIP_PX = 1280
"""The strip under a wider image is enlarged."""
MARGIN_PX = 44
"""Width of the words at both ends of a strip."""
BAR_PX = (7, 21)
"""The rows of a strip between which its colours are."""
TICK_PX = 3
FONT_PX = 11
LINEAR_TICKS = 6


@dataclasses.dataclass(frozen=True)
class ColourScale:
    """A colour map over a value or its logarithm.

    Attributes:
      colours: name of a Matplotlib colour map, of which there is a file.
      low, high: values at the ends. Values outside have the colour of the nearer end.
      low_word, high_word: words at the ends.
      unit: unit after the numbers.
      is_linear: the map is over the value itself.
    """

    colours: str
    low: float
    high: float
    low_word: str
    high_word: str
    unit: str = ""
    is_linear: bool = False

    def paint(self, values: Float[AnyArray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        """Returns the colour of each value. What is not > 0 is no value, and black."""
        values = np.asarray(values)
        known = values > 0
        places = self._places(np.clip(np.where(known, values, 1), self.low, self.high))
        table = _table(self.colours)
        painted = table[np.minimum(places * len(table), len(table) - 1).astype(int)]
        painted[~known] = 0
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

    def ticks(self) -> dict[float, str]:
        """Returns round values and both ends, by their place from 0 to 1."""
        if self.is_linear:
            values = np.linspace(self.low, self.high, LINEAR_TICKS)
        else:
            values = np.array(round_values(self.low, self.high))
        places = self._places(values).tolist()
        numbers = (f"{value:.3g}{self.unit}" for value in values)
        return dict(zip(places, numbers, strict=True))

    def values(self, count: int) -> Float[np.ndarray, " {count}"]:
        """Returns values at equal distances from one end to the other."""
        spread = np.linspace if self.is_linear else np.geomspace
        return spread(self.low, self.high, count)

    def _places(self, values: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Returns where values lie between the ends, from 0 to 1."""
        if self.is_linear:
            return (values - self.low) / (self.high - self.low)
        return np.log(values / self.low) / math.log(self.high / self.low)


def depth_scale(min_m: float, max_m: float) -> ColourScale:
    """Returns the scale of depth in metres. A range from 0 shows two decades."""
    return ColourScale(
        DEPTH_COLOURS, min_m or max_m / 100, max_m, "near", "far", unit=" m"
    )


def confidence_scale(num_bins: int) -> ColourScale:
    """Returns the scale of the highest probability of `num_bins` bins."""
    return ColourScale(CONFIDENCE_COLOURS, 1 / num_bins, 1.0, "unsure", "sure")


def error_scale() -> ColourScale:
    """Returns the scale of relative errors."""
    return ColourScale(
        ERROR_COLOURS, 0.0, LARGEST_SHOWN_ERROR, "small", "large", is_linear=True
    )


def round_values(low: float, high: float) -> list[float]:
    """Lists the round numbers between two, which come first and last."""
    steps = np.outer(10.0 ** np.arange(-3, 4), (1, 2, 5)).ravel().tolist()
    return [low, *(step for step in steps if low * 1.6 < step < high / 1.7), high]


@functools.cache
def _table(colours: str) -> UInt8[np.ndarray, "256 3"]:
    with Image.open(Path(__file__).with_name(f"{colours}.png")) as table:
        return np.asarray(table)[0]


@functools.lru_cache(maxsize=16)
def _draw_strip(scale: ColourScale, width: int) -> UInt8[np.ndarray, "y {width} 3"]:
    enlarged = max(1.0, width / WIDEST_PLAIN_STRIP_PX)
    sizes_px = STRIP_HEIGHT_PX, MARGIN_PX, *BAR_PX, TICK_PX, FONT_PX
    height, left, top, bottom, tick, font = (round(px * enlarged) for px in sizes_px)
    strip = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(strip)
    write = functools.partial(
        draw.text, fill="black", font=ImageFont.load_default(font)
    )
    right = width - left
    colours = scale.paint(scale.values(right - left)[None])
    strip.paste(Image.fromarray(colours.repeat(bottom - top, axis=0)), (left, top))
    draw.rectangle((left - 1, top - 1, right, bottom), outline="black")
    for place, number in scale.ticks().items():
        x = left + place * (right - left - 1)
        draw.line((x, bottom, x, bottom + tick), "black")
        write((x, bottom + 2 * tick), number, anchor="mt")
    middle = (top + bottom) / 2
    write((left / 2, middle), scale.low_word, anchor="mm")
    write((width - left / 2, middle), scale.high_word, anchor="mm")
    return np.asarray(strip)
