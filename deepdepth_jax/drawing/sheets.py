"""Sheets of images with their depth, and histograms of depth."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from deepdepth_jax.drawing.colors import CONFIDENCE_COLOURS, DEPTH_COLOURS
from deepdepth_jax.drawing.style import (
    depth_axis,
    figure_with_axes,
    in_default_style,
    round_ticks,
)
from deepdepth_jax.runtime import atomic
from deepdepth_jax.types import AnyArray

ERROR_COLOURS = "inferno"
LARGEST_SHOWN_ERROR = 0.5


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


@in_default_style
def figure_sheet(
    rows: Sequence[Row], min_m: float, max_m: float
) -> UInt8[np.ndarray, "h w 3"]:
    """Draws one row per image: ground truth, prediction, relative error, confidence.

    Args:
      rows: the images.
      min_m: nearest depth of the colour scale, metres.
      max_m: farthest depth of the colour scale, metres.

    Returns:
      The sheet, RGB.
    """
    titles = ("image", "truth", "prediction", "relative error", "confidence")
    height, width = rows[0].image.shape[:2]
    cell_width, scale_height, margin = 3.6, 0.12, 0.35  # inches
    row_height = cell_width * height / width
    heights = [row_height] * len(rows) + [scale_height]
    gap = 0.2
    sheet = (
        cell_width * len(titles),
        sum(heights) + gap * len(rows) + 2 * margin + 0.2,
    )
    figure = Figure(figsize=sheet, dpi=110)
    layout = {
        "height_ratios": heights,
        "left": 0.005,
        "right": 0.995,
        "top": 1 - margin / sheet[1],
        "bottom": (margin + 0.2) / sheet[1],
        "hspace": gap * len(heights) / sum(heights),
        "wspace": 0.02,
    }
    grid = figure.subplots(len(heights), len(titles), gridspec_kw=layout)
    for axes, row in zip(grid, rows, strict=False):
        _draw_row(axes, row, min_m, max_m)
    for axis, title in zip(grid[0], titles, strict=True):
        axis.set_title(title, fontsize=11)
    grid[-1, 0].axis("off")
    _draw_scales(figure, grid[-1, 1:], min_m, max_m)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


@in_default_style
def save_depth_histogram(
    path: Path,
    edges_m: Float[np.ndarray, " edges"],
    counts: Mapping[str, Int[np.ndarray, " bins"]],
) -> None:
    """Draws the share of each data set's pixels in each bin.

    Args:
      path: file to write.
      edges_m: edges of the bins in metres.
      counts: number of pixels in each bin, by name of the data set.
    """
    figure, [axes] = figure_with_axes((7.2,), (3.3,), top=0.15)
    for name, pixels in counts.items():
        axes.stairs(100 * pixels / pixels.sum(), edges_m, label=name, linewidth=1.5)
    depth_axis(axes, edges_m)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"depth in metres, in the {len(edges_m) - 1} bins of the config")
    axes.set_ylabel("% of the labelled pixels")
    if counts:
        axes.legend()
    atomic.write(path, lambda partial: figure.savefig(partial, dpi=120))


def _draw_scales(figure: Figure, axes: np.ndarray, min_m: float, max_m: float) -> None:
    """Draws a scale under each column of colour-coded values."""
    depth = (DEPTH_COLOURS, LogNorm(min_m, max_m), "near red, far blue")
    error = (ERROR_COLOURS, Normalize(0, LARGEST_SHOWN_ERROR), "error / truth")
    confidence = (CONFIDENCE_COLOURS, Normalize(0, 1), "highest bin probability")
    for axis, scale in zip(axes, (depth, depth, error, confidence), strict=True):
        colours, norm, label = scale
        bar = figure.colorbar(
            ScalarMappable(norm, colours),
            cax=axis,
            orientation="horizontal",
        )
        bar.set_label(label, fontsize=8)
        bar.ax.tick_params(labelsize=8)
        if isinstance(norm, LogNorm):
            round_ticks(bar.ax.xaxis, min_m, max_m, " m")
        # The outermost numbers stay within their column.
        first, *_, last = bar.ax.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")


def _draw_row(axes: np.ndarray, row: Row, min_m: float, max_m: float) -> None:
    known = row.truth_m > 0
    error = np.abs(row.prediction_m - row.truth_m) / np.where(known, row.truth_m, 1)
    truth, error = _thicken(row.truth_m, known), _thicken(error, known)
    depth_norm = LogNorm(min_m, max_m, clip=True)
    axes[0].imshow(row.image)
    axes[0].set_xlabel(row.title, fontsize=7, loc="left")
    axes[1].imshow(truth, DEPTH_COLOURS, norm=depth_norm)
    axes[2].imshow(row.prediction_m, DEPTH_COLOURS, norm=depth_norm)
    axes[3].imshow(error, ERROR_COLOURS, vmin=0, vmax=LARGEST_SHOWN_ERROR)
    if row.confidence is not None:
        axes[4].imshow(row.confidence, CONFIDENCE_COLOURS, vmin=0, vmax=1)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_facecolor("black")


def _thicken(values: Float[np.ndarray, "h w"], known: np.ndarray) -> np.ma.MaskedArray:
    """Masks pixels without ground truth and dilates the others in a sparse map.

    Lidar points are single pixels, which would vanish in a reduced image.
    """
    if known.mean() < 0.5:
        padded = np.pad(np.where(known, values, np.nan), 1, constant_values=np.nan)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
        flat = windows.reshape(*values.shape, 9)
        nearest = np.where(np.isnan(flat), np.inf, flat).min(axis=-1)
        values, known = nearest, np.isfinite(nearest)
    return np.ma.masked_array(values, ~known)
