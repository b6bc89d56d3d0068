"""Reads depth files of many formats. Every error names the file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float32

from deepdepth_jax.datasets.files import SizeCheck
from deepdepth_jax.datasets.pairs.depth_formats import (
    read_exr,
    read_numpy,
    read_png,
    read_tiff,
)

_READERS: Mapping[str, Callable[[Path, SizeCheck], np.ndarray]] = MappingProxyType(
    {
        ".png": read_png,
        ".npy": read_numpy,
        ".npz": read_numpy,
        ".exr": read_exr,
        ".tif": read_tiff,
        ".tiff": read_tiff,
    }
)
DEPTH_SUFFIXES = tuple(_READERS)
"""Of the formats that `read_depth` reads."""


def read_depth(
    path: Path, unit_m: float, check_size: SizeCheck
) -> Float32[np.ndarray, "h w"]:
    """Reads a depth file, turned upright as its orientation tag says.

    Its suffix tells its format:

    - `.png`: 16-bit grey.
    - `.npy`, `.npz`: an array (h, w) or (h, w, 1) of floats, or of integers of 16 bits
      or more. In an `.npz` the only one, or the one named `depth`.
    - `.exr`: the only channel, or the one named `Z`. Needs the package `OpenEXR`.
    - `.tif`, `.tiff`: one channel of 32 or 64-bit floats, or of integers of 16 bits or
      more. The first page.

    Args:
      path: ends in one of `DEPTH_SUFFIXES`, in small or capital letters.
      unit_m: the metres that one unit of the file stands for.
      check_size: refuses the file by the upright height and width that it declares,
        before anything of that size is allocated or unpacked.

    Returns:
      Depth in metres, the product of value and unit, rounded once. It is 0 where the
      value is 0, negative, infinite or NaN, which all mean: no ground truth.

    Raises:
      UserError: the file is missing, broken, not of its format, or refused by
        `check_size`. Or a package is needed to read it.
    """
    values = _READERS[path.suffix.lower()](path, check_size)
    return _to_metres(values.reshape(values.shape[:2]), unit_m)


def _to_metres(values: np.ndarray, unit_m: float) -> np.ndarray:
    # NaN, and numbers that some programs write for infinity, are no mistakes here.
    with np.errstate(over="ignore", invalid="ignore"):
        depth_m = (values.astype(np.float64) * unit_m).astype(np.float32)
    depth_m[~((depth_m > 0) & np.isfinite(depth_m))] = 0
    return depth_m
