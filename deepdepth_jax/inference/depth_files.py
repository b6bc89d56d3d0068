"""Writes depth, in a format that the suffix of the file names."""

import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
from PIL import Image

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.installation import install_command
from deepdepth_jax.types import Prediction

DEPTH_PNG_UNITS_PER_METRE = 256
"""KITTI's convention for 16-bit depth: value / 256 is metres, 0 is none."""


def _save_png(path: Path, found: Prediction) -> None:
    values = np.round(np.asarray(found.depth_m) * DEPTH_PNG_UNITS_PER_METRE)
    image = Image.fromarray(np.clip(values, 0, 2**16 - 1).astype(np.uint16))
    atomic.write(path, image.save)


def _save_npy(path: Path, found: Prediction) -> None:
    atomic.write(path, lambda partial: np.save(partial, _metres(found)))


def _save_npz(path: Path, found: Prediction) -> None:
    maps: dict[str, Any] = dict(found.maps())
    maps["depth"] = maps.pop("depth_m")  # the name that `read_depth` looks for
    atomic.write(path, lambda partial: np.savez_compressed(partial, **maps))


def _save_pfm(path: Path, found: Prediction) -> None:
    depth_m = _metres(found)
    height, width = depth_m.shape
    header = f"Pf\n{width} {height}\n-1.0\n".encode()  # negative: little-endian
    rows = np.flipud(depth_m).astype("<f4")  # from the bottom
    atomic.write(path, header + rows.tobytes())


def _save_exr(path: Path, found: Prediction) -> None:
    exr = import_openexr(path)
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    depth_m = np.ascontiguousarray(_metres(found))

    def save(partial: Path) -> None:
        try:
            with exr.File(header, {"Z": depth_m}) as file:
                file.write(str(partial))
            # On a full disk a small file is cut off without an error.
            with exr.File(str(partial), separate_channels=True) as file:
                is_whole = np.array_equal(
                    file.channels()["Z"].pixels, depth_m, equal_nan=True
                )
        except RuntimeError:
            is_whole = False
        if not is_whole:
            raise OSError(errno.EIO, "OpenEXR wrote a part only, as on a full disk")

    atomic.write(path, save)


def _metres(found: Prediction) -> np.ndarray:
    return np.asarray(found.depth_m, np.float32)


WRITERS: Mapping[str, Callable[[Path, Prediction], None]] = MappingProxyType(
    {
        ".png": _save_png,
        ".npy": _save_npy,
        ".npz": _save_npz,
        ".pfm": _save_pfm,
        ".exr": _save_exr,
    }
)
"""Writers of one image's prediction, by the suffix of the file.

`.png` holds 16 bits, metres x 256, as KITTI has it. `.npz` holds all maps, the others
float32 metres: `.pfm` little-endian, `.exr` in its channel Z.
"""


def import_openexr(path: Path | str) -> ModuleType:
    """Imports OpenEXR, to write a file.

    Args:
      path: the file or the option, for the message.

    Returns:
      The module.

    Raises:
      UserError: it is not installed.
    """
    try:
        import OpenEXR
    except ModuleNotFoundError as error:
        raise UserError(
            f"{path}: needs the package OpenEXR: {install_command('exr')}"
        ) from error
    return OpenEXR
