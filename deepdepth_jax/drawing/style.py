"""One style for all of Matplotlib's figures, whatever the user's matplotlibrc says."""

import matplotlib.style
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from deepdepth_jax.drawing.colors import round_values

in_default_style = matplotlib.style.context("default")
"""Decorates functions that draw: with `text.usetex`, say, they would need LaTeX."""


def round_ticks(axis: Axis, low: float, high: float, unit: str) -> None:
    """Labels a logarithmic axis with round numbers and both ends."""
    axis.set_major_locator(FixedLocator(round_values(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}{unit}"))
