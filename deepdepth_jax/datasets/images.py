"""Reads colour images by one rule: all readers see the same pixels of a file.

Training, evaluation, prediction and the page decode by Pillow, whose JPEG decoder takes
the accurate integer transform, as OpenCV's does. They differ only in their refusals.
"""

import dataclasses
import io
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from deepdepth_jax.datasets.exif import read_focal_length
from deepdepth_jax.datasets.files import read_bytes
from deepdepth_jax.datasets.orientation import (
    JPEG_SIGNATURE,
    PNG_SIGNATURE,
    naming_damage,
    orientation_in,
    upright,
)
from deepdepth_jax.errors import UserError

BAND_BITS = {"I;16": 16, "I;16B": 16, "I;16L": 16, "I;16N": 16, "I": 32, "F": 32}
"""Modes in which an image is one band of numbers, such as depth."""
GREY_MODES = ("1", "L", "LA", "La", *BAND_BITS)


@dataclasses.dataclass(frozen=True)
class CameraImage:
    """An image with the focal length that its file holds.

    Attributes:
      image: RGB, turned upright.
      focal_px: from EXIF tags, in pixels of the image. 0 = unknown.
      remarks: EXIF tags that were ignored, and why.
    """

    image: UInt8[np.ndarray, "h w 3"]
    focal_px: float = 0.0
    remarks: tuple[str, ...] = ()


def read_any_image(path: Path) -> CameraImage:
    """Reads an image as 8-bit RGB, turned upright: of any format and colours.

    Grey becomes equal colours, transparency is dropped, and of 16 bits a colour the
    upper 8 remain.

    Args:
      path: an image in any format of Pillow's. Of several pages the first is read.

    Returns:
      The image, and its focal length. See `exif.read_focal_length`.

    Raises:
      UserError: the file cannot be decoded, or holds one band of numbers.
    """
    return read_pillow(_decode(read_bytes(path), path), path)


def read_pillow(image: Image.Image, name: Path | str) -> CameraImage:
    """Reads an image that Pillow has opened, as `read_any_image` reads its file.

    Args:
      image: with the tags of its file. Where a program has turned the pixels and left
        the orientation tag, they are turned again.
      name: for messages.

    Returns:
      The image, and its focal length.

    Raises:
      UserError: it cannot be decoded, has no pixels, or is one band of numbers.
    """
    with naming_damage(name):
        image.load()
    if 0 in image.size:
        raise UserError(f"{name}: has no pixels, its size is {image.size}")
    if image.mode in BAND_BITS:
        raise UserError(
            f"{name}: has one channel of {BAND_BITS[image.mode]} bits, like a depth "
            "map; give an 8-bit image"
        )
    exif = read_focal_length(image)
    focal_px = exif.focal.in_pixels(*image.size)
    return CameraImage(_upright_rgb(image), focal_px, exif.remarks)


def read_image(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """Reads a colour image as 8-bit RGB, turned upright: strictly, to learn from.

    A palette, and an alpha channel that is opaque everywhere, pass: RGB is made of them
    without loss.

    Args:
      path: a PNG or JPEG file.

    Returns:
      The image, RGB.

    Raises:
      UserError: the file is missing, neither PNG nor JPEG, broken, grey, partly
        transparent, or has 16 bits per channel.
    """
    data = read_bytes(path)
    if not data.startswith((PNG_SIGNATURE, JPEG_SIGNATURE)):
        raise UserError(f"{path}: is neither PNG nor JPEG; convert it to one of them")
    image = _decode(data, path)
    if image.mode in GREY_MODES:
        raise UserError(f"{path}: is greyscale; a colour image (8-bit RGB) is needed")
    if data.startswith(PNG_SIGNATURE) and data[24] == 16:  # bits, in the header
        raise UserError(
            f"{path}: has 16 bits per channel; convert it to an 8-bit RGB image"
        )
    if image.has_transparency_data:
        least, _ = image.convert("RGBA").getchannel("A").getextrema()
        if least != 255:
            raise UserError(
                f"{path}: is partly transparent; save it as RGB without an alpha "
                "channel"
            )
    return _upright_rgb(image)


def _decode(data: bytes, path: Path) -> Image.Image:
    with naming_damage(path):
        if data.startswith(PNG_SIGNATURE):
            Image.open(io.BytesIO(data), formats=["PNG"]).verify()  # its checksums
        image = Image.open(io.BytesIO(data))
        image.load()
    return image


def _upright_rgb(image: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    # Pillow has turned a TIFF when it loaded it, and dropped the tag.
    orientation = orientation_in(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")  # palettes become RGB in one step with a warning
    return upright(np.asarray(image.convert("RGB")), orientation)
