"""One style for all of Matplotlib's figures, whatever the user's matplotlibrc says."""

from collections.abc import Sequence

import matplotlib.style
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from deepdepth_jax.drawing.colors import round_values

in_default_style = matplotlib.style.context("default")
"""Decorates functions that draw: with `text.usetex`, say, they would need LaTeX."""


def figure_with_axes(
    columns: Sequence[float],
    rows: Sequence[float],
    *,
    left: float = 0.8,
    right: float = 0.25,
    top: float = 0.35,
    bottom: float = 0.5,
    gap: float = 0.15,
) -> tuple[Figure, list[Axes]]:
    """Makes a figure with a grid of axes, all sizes in inches.

    Nothing is measured: text that needs more room is cut off. A constrained layout
    would measure all text first, which takes longer than to draw it.

    Args:
      columns: widths of the axes, from left to right.
      rows: their heights, from top to bottom.
      left: margin to the left of each column, with the labels of its vertical axes.
      right: margin to the right of each column.
      top: margin at the top.
      bottom: margin with the labels of the lowest horizontal axes.
      gap: between two rows.

    Returns:
      The figure and its axes, row by row.
    """
    width = sum(columns) + (left + right) * len(columns)
    height = sum(rows) + gap * (len(rows) - 1) + top + bottom
    figure = Figure(figsize=(width, height))
    axes = []
    for i, row in enumerate(rows):
        y = height - top - sum(rows[: i + 1]) - gap * i
        for j, column in enumerate(columns):
            x = left + (left + right) * j + sum(columns[:j])
            box = x / width, y / height, column / width, row / height
            axes.append(figure.add_axes(box))
    return figure, axes


def round_ticks(axis: Axis, low: float, high: float, unit: str) -> None:
    """Labels a logarithmic axis with round numbers and both ends."""
    axis.set_major_locator(FixedLocator(round_values(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}{unit}"))


def depth_axis(axes: Axes, edges_m: Float[np.ndarray, " edges"]) -> None:
    """Makes the horizontal axis one of depth, logarithmic unless it begins at 0."""
    if edges_m[0] > 0:
        axes.set_xscale("log")
        round_ticks(axes.xaxis, float(edges_m[0]), float(edges_m[-1]), " m")
    axes.set_xlim(edges_m[0], edges_m[-1])
