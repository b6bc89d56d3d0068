"""Sheets of images with their depth and its error."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from deepdepth_jax.drawing.colors import ColourScale, error_scale
from deepdepth_jax.types import AnyArray

COLUMNS = ("image", "truth", "prediction", "relative error", "confidence")
CELL_PX = 400
GAP_PX = 8
LINE_PX = 24
FONT_PX = 14
STEP_PX = CELL_PX + GAP_PX
WIDTH_PX = STEP_PX * len(COLUMNS) + GAP_PX


@dataclasses.dataclass(frozen=True)
class Row:
    """One image on a sheet.

    Attributes:
      title: line below the image.
      image: RGB.
      truth_m: ground truth in metres, 0 = none, drawn black.
      prediction_m: metres.
      confidence: in [0, 1], or None.
    """

    title: str
    image: UInt8[np.ndarray, "h w 3"]
    truth_m: Float[np.ndarray, "h w"]
    prediction_m: Float[AnyArray, "h w"]
    confidence: Float[AnyArray, "h w"] | None


def figure_sheet(
    rows: Sequence[Row], depth: ColourScale, confidence: ColourScale
) -> UInt8[np.ndarray, "h w 3"]:
    """Draws one row per image: ground truth, prediction, relative error, confidence.

    Args:
      rows: the images.
      depth: scale of depth in metres.
      confidence: scale of confidence.

    Returns:
      The sheet, RGB, with the scales below their columns.
    """
    error = error_scale()
    middles = [GAP_PX + STEP_PX * i + CELL_PX // 2 for i in range(len(COLUMNS))]
    sheet = [_line(dict(zip(middles, COLUMNS, strict=True)), anchor="mm")]
    for row in rows:
        truth_m, error_share = _shown_truth(row)
        certainty = np.zeros_like(truth_m) if row.confidence is None else row.confidence
        sheet += [
            _beside(
                row.image,
                depth.paint(truth_m),
                depth.paint(row.prediction_m),
                error.paint(error_share),
                confidence.paint(certainty),
            ),
            _line({GAP_PX: row.title}, anchor="lm"),
        ]
    strips = [scale.strip(CELL_PX) for scale in (depth, depth, error, confidence)]
    sheet.append(_beside(np.full_like(strips[0], 255), *strips))
    return np.concatenate(sheet)


def _beside(*cells: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "y x 3"]:
    """Puts images of one size side by side, as wide as their columns."""
    height, width = cells[0].shape[:2]
    size = CELL_PX, max(1, round(CELL_PX * height / width))
    line = np.full((size[1], WIDTH_PX, 3), 255, np.uint8)
    for index, cell in enumerate(cells):
        left = GAP_PX + STEP_PX * index
        resized = Image.fromarray(cell).resize(size, Image.Resampling.BOX)
        line[:, left : left + CELL_PX] = np.asarray(resized)
    return line


def _line(texts: Mapping[int, str], anchor: str) -> UInt8[np.ndarray, "y x 3"]:
    """Writes texts at their horizontal places, on white."""
    line = Image.new("RGB", (WIDTH_PX, LINE_PX), "white")
    draw, font = ImageDraw.Draw(line), ImageFont.load_default(FONT_PX)
    for x, text in texts.items():
        draw.text((x, LINE_PX / 2), text, "black", font, anchor)
    return np.asarray(line)


def _shown_truth(
    row: Row,
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Returns ground truth and relative error as they are drawn, 0 where neither is."""
    known = row.truth_m > 0
    error = np.abs(row.prediction_m - row.truth_m) / np.where(known, row.truth_m, 1)
    return _thicken(row.truth_m, known), _thicken(error, known)


def _thicken(
    values: Float[AnyArray, "h w"], known: Bool[np.ndarray, "h w"]
) -> Float[np.ndarray, "h w"]:
    """Puts 0 where nothing is known, and dilates the known pixels of a sparse map.

    Lidar points are single pixels, which would vanish in a reduced image.
    """
    if known.mean() < 0.5:
        padded = np.pad(np.where(known, values, np.nan), 1, constant_values=np.nan)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
        flat = windows.reshape(*values.shape, 9)
        nearest = np.where(np.isnan(flat), np.inf, flat).min(axis=-1)
        values, known = nearest, np.isfinite(nearest)
    return np.where(known, values, 0)
