"""One style for every figure, whatever the user's matplotlibrc asks for."""

import matplotlib.style

in_default_style = matplotlib.style.context("default")
"""Decorates functions that draw: with `text.usetex`, say, they would need LaTeX."""
