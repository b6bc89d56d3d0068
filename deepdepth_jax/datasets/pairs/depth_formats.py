"""Decodes depth files by their formats, each bounded before it is unpacked.

A reader first parses the header of the file, refuses other files than depth maps and
calls
`check_size`. Only then does it allocate or unpack: a few bytes can declare terabytes.
"""

import functools
import io
import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from deepdepth_jax.datasets.depth_png import read_depth_png
from deepdepth_jax.datasets.files import SizeCheck, read_bytes
from deepdepth_jax.datasets.orientation import (
    TAG,
    checked,
    naming_damage,
    read_tiff_tags,
    upright_size,
)
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.installation import install_command

BROKEN_NUMPY_HEADER = (
    EOFError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
)
"""Exceptions of NumPy for damaged headers and pickled objects."""
_BROKEN_NUMPY_FILE = (
    EOFError,
    OSError,  # of a zip's bzip2
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
MOST_CHANNELS = 256
"""Of an OpenEXR file, as all are unpacked together."""
LARGEST_TILE_PX = 2**20
"""Of a TIFF, where its image is smaller than that."""
WIDTH, HEIGHT, SAMPLES, TILE_WIDTH, TILE_HEIGHT = 256, 257, 277, 322, 323
"""TIFF's numbers for its tags."""


def _require_depth(shape: tuple[int, ...], dtype: np.dtype, path: Path) -> None:
    """Checks that shape and type are those of a depth map.

    Raises:
      UserError: they are not.
    """
    if len(shape) != 2 and shape[2:] != (1,):
        raise UserError(
            f"{path}: has the shape {shape}; depth must have the shape (height, width)"
        )
    if dtype.kind not in "fiu":
        raise UserError(f"{path}: holds values of type {dtype}; save depth as float32")
    if dtype.itemsize == 1:
        raise UserError(
            f"{path}: has 8 bits per value, depth needs 16 (some programs silently "
            "save 8); use the original file"
        )


def read_png(path: Path, check_size: SizeCheck) -> np.ndarray:
    """Reads a 16-bit grey PNG."""
    return read_depth_png(path, 1, check_size)


def read_numpy(path: Path, check_size: SizeCheck) -> np.ndarray:
    """Reads the array of an `.npy` file, or the chosen one of an `.npz` file.

    Args:
      path: the file.
      check_size: called with height and width before the pixels are unpacked.

    Returns:
      The values as stored, (h, w).
    """
    file = io.BytesIO(read_bytes(path))
    try:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            return _read_array(file, path, check_size)
        with zipfile.ZipFile(file) as archive:
            members = {name.removesuffix(".npy"): name for name in archive.namelist()}
            with archive.open(members[_choose(members, "depth", path)]) as member:
                return _read_array(member, path, check_size)
    except _BROKEN_NUMPY_FILE as error:
        raise UserError(
            f"{path}: is broken, cut off, or holds pickled objects, which may run any "
            "program and are not loaded; save the depth with numpy.save as float32"
        ) from error


def _read_array(file: Any, path: Path, check_size: SizeCheck) -> np.ndarray:
    """Reads an array as `numpy.load` does, once its header is found to be depth."""
    version = np.lib.format.read_magic(file)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    try:
        shape, is_fortran, dtype = read_header(file)
    except BROKEN_NUMPY_HEADER as error:
        raise ValueError("its header is damaged") from error
    if dtype.hasobject:
        raise ValueError("the array holds objects")
    _require_depth(shape, dtype, path)
    check_size((shape[0], shape[1]))
    size_bytes = math.prod(shape) * dtype.itemsize
    data = file.read(size_bytes)
    if len(data) < size_bytes:
        raise ValueError("the array is cut off")
    file.read(1)  # at its end, a zip's member is held against its checksum
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


def read_exr(path: Path, check_size: SizeCheck) -> np.ndarray:
    """Reads the chosen channel of an OpenEXR file.

    Args:
      path: the file.
      check_size: called with height and width before the pixels are unpacked.

    Returns:
      The values as stored, (h, w).
    """
    try:
        import OpenEXR
    except ModuleNotFoundError as error:
        raise UserError(
            f"{path}: needs the package OpenEXR: {install_command('exr')}"
        ) from error
    read_bytes(path)  # names a file that is missing or empty
    open_file = functools.partial(OpenEXR.File, str(path), separate_channels=True)
    images = OpenEXR.scanlineimage, OpenEXR.tiledimage
    try:
        with open_file(header_only=True) as file:
            header = _only_part(file.parts, path).header
            if header["type"] not in images:
                raise UserError(f"{path}: is a deep image; save one depth per pixel")
            channel = _choose_channel(header["channels"], path)
            least, most = (corner.tolist() for corner in header["dataWindow"])
            check_size((most[1] - least[1] + 1, most[0] - least[0] + 1))
        with open_file() as file:
            values = _only_part(file.parts, path).channels[channel].pixels
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as OpenEXR; copy or convert it again"
        ) from error
    _require_depth(values.shape, values.dtype, path)
    return values


def _only_part(parts: Sequence[Any], path: Path) -> Any:
    # A truncated file can be opened, and has no part (findings/openexr_cut_file.sh).
    if len(parts) != 1:
        raise UserError(
            f"{path}: has {len(parts)} readable parts; copy it again if it may be cut "
            "off, else save the depth alone"
        )
    return parts[0]


def _choose_channel(channels: Sequence[Any], path: Path) -> str:
    if len(channels) > MOST_CHANNELS:
        raise UserError(f"{path}: has {len(channels)} channels; save the depth alone")
    by_name = {channel.name: channel for channel in channels}
    name = _choose(by_name, "Z", path)
    if (by_name[name].xSampling, by_name[name].ySampling) != (1, 1):
        raise UserError(f"{path}: {name!r} is subsampled; save it at full resolution")
    return name


def read_tiff(path: Path, check_size: SizeCheck) -> np.ndarray:
    """Reads the first page of a TIFF, which OpenCV turns upright by its tag.

    Args:
      path: the file.
      check_size: called with height and width before the pixels are unpacked.

    Returns:
      The values as stored, (h, w).
    """
    data = read_bytes(path)
    with naming_damage(path):
        tags = read_tiff_tags(data)
    height, width = tags.get(HEIGHT, 0), tags.get(WIDTH, 0)
    shape = upright_size(height, width, checked(tags.get(TAG)))
    if tags.get(SAMPLES, 1) != 1:
        _require_depth((*shape, tags[SAMPLES]), np.dtype(np.float32), path)
    check_size(shape)
    tile_px = tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0)
    values = None
    if tile_px <= max(height * width, LARGEST_TILE_PX):
        values = _decode_tiff(data)
    if values is None or values.shape[:2] != shape:
        raise UserError(
            f"{path}: cannot be decoded as TIFF with one channel of uint16, float32 or "
            "float64; copy or convert it again"
        )
    _require_depth(values.shape, values.dtype, path)
    return values


def _decode_tiff(data: bytes) -> np.ndarray | None:
    # OpenCV warns of each tag that it does not know, in each file. Of a broken file it
    # returns None, or raises an error of its own. imread would return None for some
    # files that are not broken (findings/opencv_unchanged_turns_tiffs.sh).
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None


def _choose(names: Collection[str], preferred: str, path: Path) -> str:
    """Chooses the only name, or the preferred one.

    Raises:
      UserError: there are several, and none is preferred.
    """
    if len(names) == 1:
        return next(iter(names))
    if preferred in names:
        return preferred
    raise UserError(
        f"{path}: holds {', '.join(map(repr, names)) or 'nothing'}; depth must be the "
        f"only one, or named {preferred!r}"
    )
