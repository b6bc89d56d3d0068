"""Reads files of the user's; whatever is wrong with one is said with its name."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf
from jaxtyping import Float32, UInt8

from deepdepth_jax.errors import UserError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
# What a PNG's header calls the colour type of depth that comes in so many channels.
DEPTH_COLOUR_TYPES = {1: (0, "grey"), 3: (2, "RGB")}


def read_bytes(path: Path) -> bytes:
    """Reads a whole file.

    Raises:
      UserError: the file is missing, not readable, or empty.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); check that it is there and "
            "that its permissions let you read it"
        ) from error
    if not data:
        raise UserError(f"{path}: is empty; copy or download it again")
    return data


def read_image(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """Reads a colour picture as 8-bit RGB.

    A palette, and an alpha channel that is opaque everywhere, pass: RGB is made of them
    without loss.

    Raises:
      UserError: the file is missing, neither PNG nor JPEG, broken, grey, partly
        transparent, or has 16 bits a channel.
    """
    data = read_bytes(path)
    if not data.startswith((PNG_SIGNATURE, JPEG_SIGNATURE)):
        raise UserError(f"{path}: is neither PNG nor JPEG; convert it to one of them")
    if data.startswith(PNG_SIGNATURE) and _png_format(data, path)[0] == 16:
        raise UserError(
            f"{path}: has 16 bits a channel; convert it to an 8-bit RGB picture"
        )
    pixels = _decode(data, tf.uint8, path)
    _require_rgb(pixels, path)
    return pixels[..., :3]


def read_depth_png(
    path: Path, units_per_metre: int | float, channels: Literal[1, 3] = 1
) -> Float32[np.ndarray, "h w"]:
    """Reads a 16-bit depth map; 0 stays 0 and means that nothing is known.

    Args:
      path: a PNG of 16 bits a channel.
      units_per_metre: the value that stands for one metre: 256 in KITTI's maps, 100 in
        those of SYNTHIA.
      channels: 1 for a grey PNG; 3 for an RGB one whose channels are equal.

    Returns:
      Depth in metres.

    Raises:
      UserError: the file is missing, broken, or not of that format.
    """
    data = read_bytes(path)
    if not data.startswith(PNG_SIGNATURE):
        raise UserError(f"{path}: is not a PNG; depth is expected as a 16-bit PNG")
    _require_depth_format(data, channels, path)
    # Not Pillow: it hands out 16-bit RGB cut down to 8 bits, without a word.
    values = _decode(data, tf.uint16, path)
    if (values != values[..., :1]).any():
        raise UserError(
            f"{path}: its three channels differ, so it is no depth map of this kind; "
            "take the original file"
        )
    return values[..., 0].astype(np.float32) / np.float32(units_per_metre)


def require_same_size(
    image: Path, pixels: np.ndarray, depth: Path, depth_m: np.ndarray
) -> None:
    """Checks that a picture and its depth map have the same height and width.

    Raises:
      UserError: they have not; names both files and sizes.
    """
    if pixels.shape[:2] != depth_m.shape:
        raise UserError(
            f"{image}: is {_format_size(pixels.shape)} pixels, its depth {depth} is "
            f"{_format_size(depth_m.shape)}; they must match pixel by pixel: take the "
            "original of the one that was resized or cropped"
        )


def name_some(names: Sequence[str]) -> str:
    """Names what a report counts: all where they are few, else the first of them."""
    if len(names) <= 3:
        return ", ".join(names)
    return f"{names[0]} and so on"


def _format_size(size: tuple[int, ...]) -> str:
    height, width = size[:2]
    return f"{width} x {height}"


def _png_format(data: bytes, path: Path) -> tuple[int, int]:
    """Bits a channel and colour type, which stand at a fixed place in every PNG."""
    try:
        bits, colour_type = struct.unpack_from(">BB", data, 24)
    except struct.error as error:
        raise UserError(f"{path}: is cut off; copy or download it again") from error
    return bits, colour_type


def _decode(data: bytes, dtype: tf.DType, path: Path) -> np.ndarray:
    try:
        return tf.io.decode_image(data, dtype=dtype, expand_animations=False).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise UserError(
            f"{path}: cannot be decoded, broken or cut off; copy or download it again"
        ) from error


def _require_rgb(pixels: np.ndarray, path: Path) -> None:
    channels = pixels.shape[-1]
    if channels < 3:
        raise UserError(f"{path}: is grey; a colour picture (8-bit RGB) is needed")
    if channels == 4 and (pixels[..., 3] != 255).any():
        raise UserError(
            f"{path}: is partly transparent; save it as RGB without an alpha channel"
        )


def _require_depth_format(data: bytes, channels: int, path: Path) -> None:
    bits, colour_type = _png_format(data, path)
    if bits != 16:
        raise UserError(
            f"{path}: has {bits} bits a channel, depth needs 16 (some programs save "
            "8 without asking); take the original file"
        )
    expected, kind = DEPTH_COLOUR_TYPES[channels]
    if colour_type != expected:
        raise UserError(
            f"{path}: is not a 16-bit {kind} PNG, as this data set's depth is; take "
            "the original file"
        )
