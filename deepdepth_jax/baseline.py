"""The least a network must beat: the median of the training depths at each place."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32
from PIL import Image

from deepdepth_jax.errors import UserError

FILE = "median_depth.npy"
GRID = (32, 96)
"""Rows and columns of the cells that the picture is divided into."""


class MedianDepth:
    """Predicts the same for every picture: per cell, the median over training pictures.

    It knows that roads are near at the bottom and far in the middle, and nothing else.

    Args:
      cells_m: depth in metres over a grid of the picture.
    """

    def __init__(self, cells_m: Float32[np.ndarray, "r c"]) -> None:
        self.cells_m = cells_m

    @classmethod
    def of(cls, depths_m: Iterable[Float[np.ndarray, "_ _"]]) -> "MedianDepth":
        """Takes the medians.

        Args:
          depths_m: depth maps (h, w) of training pictures, 0 = no ground truth. They
            may be sparse, and of different sizes.

        Raises:
          UserError: no pixel of any of them has depth.
        """
        stack = np.stack([_cell_medians(depth_m) for depth_m in depths_m])
        if np.isnan(stack).all():
            raise UserError(
                f"no pixel of {len(stack)} training pictures has depth; "
                "python -m deepdepth_jax.check_data tells more"
            )
        with warnings.catch_warnings():
            # A cell that no picture has depth in is NaN here, and filled below.
            warnings.simplefilter("ignore", RuntimeWarning)
            medians = np.nanmedian(stack, axis=0)
            row_medians = np.nanmedian(medians, axis=1, keepdims=True)
        rows = np.where(np.isnan(row_medians), np.nanmedian(medians), row_medians)
        return cls(np.where(np.isnan(medians), rows, medians).astype(np.float32))

    def save(self, workdir: Path) -> None:
        """Writes the medians into the folder of a run."""
        np.save(workdir / FILE, self.cells_m)

    @classmethod
    def load(cls, workdir: Path) -> "MedianDepth":
        """Reads the medians that training wrote into the folder of its run."""
        return cls(np.load(workdir / FILE))

    def __call__(self, height: int, width: int) -> Float[np.ndarray, "h w"]:
        """Gives the depth map, in metres, for a picture of this size."""
        cells = Image.fromarray(self.cells_m)
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
