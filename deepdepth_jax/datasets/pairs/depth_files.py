"""Reads depth files of many formats; whatever is wrong with one is said by its name."""

import io
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32

from deepdepth_jax.datasets.files import read_bytes, read_depth_png
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.installation import install_command

# What NumPy and the modules below it raise for files that are broken, or pickled.
_BROKEN_NUMPY_FILE = (
    ValueError,
    EOFError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_depth(path: Path, unit_m: float) -> Float32[np.ndarray, "h w"]:
    """Reads a depth file.

    Its suffix tells its format:

    - `.png`: 16-bit grey.
    - `.npy`, `.npz`: an array (h, w) or (h, w, 1) of floats, or of integers of 16 bits
      or more; in an `.npz` the only one, or the one named `depth`.
    - `.exr`: the only channel, or the one named `Z`. Needs the package `OpenEXR`.
    - `.tif`, `.tiff`: one channel of 32 or 64-bit floats, or of integers of 16 bits or
      more; the first page.

    Args:
      path: ends in one of `DEPTH_SUFFIXES`, in small or capital letters.
      unit_m: the metres that one unit of the file stands for.

    Returns:
      Depth in metres, the product of value and unit, rounded once. It is 0 where the
      value is 0, negative, infinite or NaN, which all mean: no ground truth.

    Raises:
      UserError: the file is missing, broken, or not of its format; or a package is
        needed to read it.
    """
    values = _READERS[path.suffix.lower()](path)
    _require_depth(values, path)
    return _to_metres(values.reshape(values.shape[:2]), unit_m)


def _to_metres(values: np.ndarray, unit_m: float) -> np.ndarray:
    # NaN, and numbers that some programs write for infinity, are no mistakes here.
    with np.errstate(over="ignore", invalid="ignore"):
        depth_m = (values.astype(np.float64) * unit_m).astype(np.float32)
    depth_m[~((depth_m > 0) & np.isfinite(depth_m))] = 0
    return depth_m


def _require_depth(values: np.ndarray, path: Path) -> None:
    if values.ndim != 2 and values.shape[2:] != (1,):
        raise UserError(
            f"{path}: has the shape {values.shape}; depth is one value a pixel, of "
            "shape (height, width)"
        )
    if values.dtype.kind not in "fiu":
        raise UserError(
            f"{path}: holds values of type {values.dtype}; save depth as float32"
        )
    if values.dtype.itemsize == 1:
        raise UserError(
            f"{path}: has 8 bits a value, depth needs 16 (some programs save 8 without "
            "asking); take the original file"
        )


def _read_png(path: Path) -> np.ndarray:
    return read_depth_png(path, units_per_metre=1)


def _read_numpy(path: Path) -> np.ndarray:
    try:
        loaded = np.load(io.BytesIO(read_bytes(path)), allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            return loaded
        with loaded:
            # A member that is no array comes as bytes.
            return np.asarray(loaded[_choose(loaded.files, "depth", path)])
    except _BROKEN_NUMPY_FILE as error:
        raise UserError(
            f"{path}: is broken, cut off, or holds pickled objects, which may run any "
            "program and are not loaded; save the depth with numpy.save as float32"
        ) from error


def _read_exr(path: Path) -> np.ndarray:
    try:
        import OpenEXR
    except ModuleNotFoundError as error:
        raise UserError(
            f"{path}: needs the package OpenEXR: {install_command('exr')}"
        ) from error
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            return _channel_of_depth(file.parts, path)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as OpenEXR; copy or convert it again"
        ) from error


def _channel_of_depth(parts: Sequence[Any], path: Path) -> np.ndarray:
    # A file that is cut off can be opened, and has no part.
    if len(parts) != 1:
        raise UserError(
            f"{path}: has {len(parts)} readable parts; copy it again if it may be cut "
            "off, else save the depth as a file of its own"
        )
    channels = parts[0].channels
    return channels[_choose(channels, "Z", path)].pixels


def _read_tiff(path: Path) -> np.ndarray:
    # OpenCV warns of each tag that it does not know, in each file; of a broken file it
    # returns None, which is enough.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    data = np.frombuffer(read_bytes(path), np.uint8)
    values = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if values is None:
        raise UserError(
            f"{path}: cannot be decoded as TIFF with one channel of uint16, float32 or "
            "float64; copy or convert it again"
        )
    return values


def _choose(names: Collection[str], preferred: str, path: Path) -> str:
    if len(names) == 1:
        return next(iter(names))
    if preferred in names:
        return preferred
    raise UserError(
        f"{path}: holds {', '.join(map(repr, names)) or 'nothing'}; depth must be the "
        f"only one, or named {preferred!r}"
    )


_READERS: Mapping[str, Callable[[Path], np.ndarray]] = MappingProxyType(
    {
        ".png": _read_png,
        ".npy": _read_numpy,
        ".npz": _read_numpy,
        ".exr": _read_exr,
        ".tif": _read_tiff,
        ".tiff": _read_tiff,
    }
)
DEPTH_SUFFIXES = tuple(_READERS)
"""Of the formats that `read_depth` reads."""
