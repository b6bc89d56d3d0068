"""The least a network must beat: the median of the training depths at each place."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int16
from PIL import Image

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic

FILE = "median_depth.npy"
AGAIN = "start the training again, which writes it anew"
GRID = (32, 96)
"""Rows and columns of the cells that the image is divided into."""


class MedianDepth:
    """Predicts the same for every image: per cell, the median over training images.

    It knows that roads are near at the bottom and far in the middle, and nothing else.

    Args:
      cells_m: depth in metres over a grid of the image.
    """

    def __init__(self, cells_m: Float32[np.ndarray, "r c"]) -> None:
        self.cells_m = cells_m

    @classmethod
    def of(cls, depths_m: Iterable[Float[np.ndarray, "_ _"]]) -> "MedianDepth":
        """Takes the medians.

        Args:
          depths_m: depth maps (h, w) of training images, 0 = no ground truth. They
            may be sparse, and of different sizes.

        Returns:
          The baseline.

        Raises:
          UserError: no pixel of any of them has depth.
        """
        stack = np.stack([_cell_medians(depth_m) for depth_m in depths_m])
        if np.isnan(stack).all():
            raise UserError(
                f"no pixel of {len(stack)} training images has depth; check the data "
                "with python -m deepdepth_jax.check_data"
            )
        with warnings.catch_warnings():
            # A cell that no image has depth in is NaN here, and filled below.
            warnings.simplefilter("ignore", RuntimeWarning)
            medians = np.nanmedian(stack, axis=0)
            row_medians = np.nanmedian(medians, axis=1, keepdims=True)
        rows = np.where(np.isnan(row_medians), np.nanmedian(medians), row_medians)
        return cls(np.where(np.isnan(medians), rows, medians).astype(np.float32))

    def save(self, workdir: Path) -> None:
        """Writes the medians into the folder of a run."""
        atomic.write(workdir / FILE, lambda partial: np.save(partial, self.cells_m))

    @classmethod
    def load(cls, workdir: Path) -> "MedianDepth":
        """Reads the medians that training wrote into the folder of its run.

        Args:
          workdir: folder of the run.

        Returns:
          The baseline.

        Raises:
          UserError: the file is missing or damaged.
        """
        path = workdir / FILE
        try:
            # Mapped, so that a size that the file only declares is not allocated.
            cells_m = np.array(np.lib.format.open_memmap(path, mode="r"))
        except (OSError, ValueError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or error
            raise UserError(f"{path}: cannot be read ({reason}); {AGAIN}") from error
        is_grid = cells_m.shape == GRID and cells_m.dtype == np.float32
        if not is_grid or not (cells_m > 0).all() or not np.isfinite(cells_m).all():
            raise UserError(f"{path}: holds no {GRID[0]} x {GRID[1]} depths; {AGAIN}")
        return cls(cells_m)

    def __call__(self, height: int, width: int) -> Float[np.ndarray, "h w"]:
        """Returns the depth map, in metres, for an image of this size."""
        cells = Image.fromarray(self.cells_m)
        return np.asarray(cells.resize((width, height), Image.Resampling.BILINEAR))


def _cell_medians(depth_m: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "r c"]:
    """Takes the median of the known depths in each cell. NaN where there is none."""
    rows, columns = map(_cell_of_each, depth_m.shape, GRID)
    is_known = depth_m > 0
    known_m = depth_m[is_known]
    cells = (rows[:, None] * GRID[1] + columns)[is_known]
    # By depth and then by cell, as a loop over cells takes 50 ms for each image.
    order = np.argsort(known_m)
    order = order[np.argsort(cells[order], kind="stable")]
    counts = np.bincount(cells, minlength=GRID[0] * GRID[1])
    firsts, is_filled = np.cumsum(counts) - counts, counts > 0
    # One and the same place where the count is odd.
    middles = np.stack([firsts + (counts - 1) // 2, firsts + counts // 2])[:, is_filled]
    medians = np.full(GRID, np.nan, np.float32)
    medians[is_filled.reshape(GRID)] = np.mean(known_m[order[middles]], axis=0)
    return medians


def _cell_of_each(length: int, cells: int) -> Int16[np.ndarray, " length"]:
    """Returns the cell of each row, or of each column, of an image."""
    sizes = np.diff(np.linspace(0, length, cells + 1).astype(int))
    # NumPy sorts numbers of 16 bits several times as fast.
    return np.arange(cells, dtype=np.int16).repeat(sizes)
