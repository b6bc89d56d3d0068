"""The least a network must beat: the median of the training depths at each place."""

import warnings
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from PIL import Image

GRID = (32, 96)
"""Rows and columns of the cells that the picture is divided into."""


class MedianDepth:
    """Predicts the same for every picture: per cell, the median over training pictures.

    It knows that roads are near at the bottom and far in the middle, and nothing else.

    Args:
      depths_m: depth maps (h, w) of training pictures, 0 = no ground truth. They may be
        sparse, and of different sizes.

    Raises:
      ValueError: no pixel of any of them has depth.
    """

    def __init__(self, depths_m: Iterable[Float[np.ndarray, "_ _"]]) -> None:
        stack = np.stack([_cell_medians(depth_m) for depth_m in depths_m])
        if np.isnan(stack).all():
            raise ValueError("no training picture has ground truth")
        with warnings.catch_warnings():
            # A cell that no picture has depth in is NaN here, and filled below.
            warnings.simplefilter("ignore", RuntimeWarning)
            medians = np.nanmedian(stack, axis=0)
            row_medians = np.nanmedian(medians, axis=1, keepdims=True)
        rows = np.where(np.isnan(row_medians), np.nanmedian(medians), row_medians)
        self._cells_m = np.where(np.isnan(medians), rows, medians).astype(np.float32)

    def __call__(self, height: int, width: int) -> Float[np.ndarray, "h w"]:
        """Gives the depth map, in metres, for a picture of this size."""
        cells = Image.fromarray(self._cells_m)
        return np.asarray(cells.resize((width, height), Image.Resampling.BILINEAR))


def _cell_medians(depth_m: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "r c"]:
    """Takes the median of the known depths in each cell; NaN where there is none."""
    rows = np.linspace(0, depth_m.shape[0], GRID[0] + 1).astype(int)
    columns = np.linspace(0, depth_m.shape[1], GRID[1] + 1).astype(int)
    medians = np.full(GRID, np.nan, np.float32)
    for r, c in np.ndindex(GRID):
        cell = depth_m[rows[r] : rows[r + 1], columns[c] : columns[c + 1]]
        known = cell[cell > 0]
        if known.size:
            medians[r, c] = np.median(known)
    return medians
