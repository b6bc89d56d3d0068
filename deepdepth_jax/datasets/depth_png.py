"""Reads depth maps that are 16-bit PNG files."""

import io
import struct
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float32
from PIL import Image

from deepdepth_jax.datasets.files import SizeCheck, read_bytes
from deepdepth_jax.datasets.orientation import (
    PNG_SIGNATURE,
    naming_damage,
    parse_orientation,
    upright,
    upright_size,
)
from deepdepth_jax.errors import UserError

# What a PNG's header calls the colour type of depth that comes in so many channels.
DEPTH_COLOUR_TYPES = {1: (0, "grey"), 3: (2, "RGB")}


def read_depth_png(
    path: Path,
    units_per_metre: int | float,
    check_size: SizeCheck,
    channels: Literal[1, 3] = 1,
) -> Float32[np.ndarray, "h w"]:
    """Reads a 16-bit depth map, turned upright. 0 stays 0 and means no ground truth.

    Args:
      path: a PNG of 16 bits per channel.
      units_per_metre: the value that stands for one metre: 256 in KITTI's maps, 100 in
        those of SYNTHIA.
      check_size: refuses the map by its upright height and width, before its pixels
        are unpacked.
      channels: 1 for a grey PNG. 3 for an RGB one whose channels are equal.

    Returns:
      Depth in metres.

    Raises:
      UserError: the file is missing, broken, not of that format, or `check_size` says
        so.
    """
    data = read_bytes(path)
    if not data.startswith(PNG_SIGNATURE):
        raise UserError(f"{path}: is not a PNG; depth must be a 16-bit PNG")
    height, width = _require_depth_format(data, channels, path)
    with naming_damage(path):
        orientation = parse_orientation(data)
    check_size(upright_size(height, width, orientation))
    with naming_damage(path):  # OpenCV passes over checksums
        Image.open(io.BytesIO(data), formats=["PNG"]).verify()
    # Not Pillow: it hands out 16-bit RGB cut down to 8 bits, without a word.
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise UserError(
            f"{path}: cannot be decoded, broken or cut off; copy or download it again"
        )
    values = values.reshape(height, width, channels)
    if (values != values[..., :1]).any():
        raise UserError(
            f"{path}: is no depth map, as its three channels differ; use the original "
            "file"
        )
    depth_m = values[..., 0].astype(np.float32) / np.float32(units_per_metre)
    return upright(depth_m, orientation)


def _require_depth_format(data: bytes, channels: int, path: Path) -> tuple[int, int]:
    """Returns height and width, which stand at a fixed place in every PNG."""
    try:
        width, height, bits, colour_type = struct.unpack_from(">IIBB", data, 16)
    except struct.error as error:
        raise UserError(f"{path}: is cut off; copy or download it again") from error
    if bits != 16:
        raise UserError(
            f"{path}: has {bits} bits per channel, depth needs 16 (some programs "
            "silently save 8); use the original file"
        )
    expected, kind = DEPTH_COLOUR_TYPES[channels]
    if colour_type != expected:
        raise UserError(
            f"{path}: is not a 16-bit {kind} PNG, as this data set's depth is; use the "
            "original file"
        )
    return height, width
