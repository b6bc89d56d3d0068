"""How a file's pixels are stored: the orientation tag, by one rule for all readers.

Cameras store the pixels of their sensor, and a tag that says how to turn them upright.
JPEG, PNG and WebP hold the tag in EXIF, TIFF in its first directory. Every image and
every depth map is turned as its own tag says, wherever it is read.
"""

import contextlib
import io
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from deepdepth_jax.datasets.files import read_bytes
from deepdepth_jax.errors import UserError

TAG = ExifTags.Base.Orientation
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
WEBP_SIGNATURE = b"RIFF"
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_TURNS: Mapping[int, tuple[str, Callable[[np.ndarray], np.ndarray]]] = MappingProxyType(
    {
        2: ("mirrored left to right", lambda pixels: pixels[:, ::-1]),
        3: ("turned by 180 degrees", lambda pixels: pixels[::-1, ::-1]),
        4: ("mirrored top to bottom", lambda pixels: pixels[::-1]),
        5: ("transposed", lambda pixels: pixels.swapaxes(0, 1)),
        6: ("turned 90 degrees clockwise", lambda pixels: np.rot90(pixels, -1)),
        7: ("transversed", lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1)),
        8: ("turned 90 degrees counterclockwise", np.rot90),
    }
)
# The places where a PNG may hold the tag: EXIF, ImageMagick's form of it, and XMP.
_PNG_MARKERS = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")
_TIFF_FORMATS = {1: "B", 3: "H", 4: "I", 16: "Q"}


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turns stored pixels (h, w) or (h, w, c) upright.

    Args:
      pixels: as stored.
      orientation: 2 to 8 as EXIF numbers them. All others mean that nothing is turned.
    """
    if orientation not in _TURNS:
        return pixels
    return np.ascontiguousarray(_TURNS[orientation][1](pixels))


def upright_size(height: int, width: int, orientation: int) -> tuple[int, int]:
    """Returns height and width once the pixels are turned upright."""
    return (width, height) if orientation in (5, 6, 7, 8) else (height, width)


def describe(orientation: int) -> str:
    """Describes a turn, as "turned by 180 degrees (orientation 3)"."""
    if orientation not in _TURNS:
        return "as stored (no orientation)"
    return f"{_TURNS[orientation][0]} (orientation {orientation})"


@contextlib.contextmanager
def naming_damage(path: Path | str) -> Iterator[None]:
    """Turns Pillow's exceptions for a damaged file into a `UserError` that names it.

    Args:
      path: the file, for the message.

    Yields:
      Nothing.
    """
    try:
        yield
    except UnidentifiedImageError as error:  # whose text names no file of the user's
        raise UserError(
            f"{path}: cannot be decoded, no image or cut off in its header; give a PNG "
            "or JPEG file, or copy it again"
        ) from error
    except (
        OSError,
        RuntimeError,  # of AVIF
        SyntaxError,
        ValueError,
        struct.error,
        Image.DecompressionBombError,
    ) as error:
        raise UserError(
            f"{path}: cannot be decoded, broken or cut off ({error}); copy or download "
            "it again"
        ) from error


def orientation_of(path: Path) -> int:
    """Reads the orientation of any file: 1 to 8, 1 where it has none.

    Raises:
      UserError: the file cannot be read, or its tags are damaged.
    """
    data = read_bytes(path)
    with naming_damage(path):
        return parse_orientation(data)


def parse_orientation(data: bytes) -> int:
    """Reads the orientation out of a file's content. See `naming_damage`."""
    if data.startswith(TIFF_SIGNATURES):
        return checked(read_tiff_tags(data).get(TAG))
    if data.startswith(PNG_SIGNATURE):
        # Pillow decodes a PNG to look for a tag behind the pixels.
        has_tag = any(marker in data for marker in _PNG_MARKERS)
    else:
        has_tag = data.startswith((JPEG_SIGNATURE, WEBP_SIGNATURE))
    return orientation_in(Image.open(io.BytesIO(data))) if has_tag else 1


def orientation_in(image: Image.Image) -> int:
    """Reads the orientation of an opened image: 1 to 8, 1 where it has none.

    Pillow skips the tag if a tag before it is damaged. This function reads the tag
    wherever it is readable. Otherwise the image counts as stored, as in image viewers.
    """
    if image.format == "PNG":
        image.load()  # a tag may lie behind the pixels
    exif = image.info.get("exif", b"").removeprefix(b"Exif\0\0")
    with contextlib.suppress(ValueError, struct.error):
        for tag, value in _tiff_tags(exif):
            if tag == TAG:
                return checked(value)
    return checked(read_exif(image).get(TAG))  # of XMP and of older PNGs, too


def read_exif(image: Image.Image) -> Image.Exif:
    """Reads the EXIF of an opened image. Empty where something else is in its place."""
    try:
        return image.getexif()
    except (SyntaxError, ValueError, struct.error):
        return Image.Exif()


def checked(tag: object) -> int:
    """Returns the value of an orientation tag if it is one of EXIF's, else 1."""
    return tag if isinstance(tag, int) and tag in _TURNS else 1


def read_tiff_tags(data: bytes) -> dict[int, int]:
    """Reads the tags of a TIFF's first directory that hold one whole number.

    Pillow does not open TIFFs of 64-bit floats, and OpenCV does not tell a TIFF's size
    before it has decoded it.

    Args:
      data: the file.

    Returns:
      Values by the number of the tag.

    Raises:
      ValueError, struct.error: it is no TIFF, or cut off.
    """
    return dict(_tiff_tags(data))


def _tiff_tags(data: bytes) -> Iterator[tuple[int, int]]:
    if not data.startswith(TIFF_SIGNATURES):
        raise ValueError("no header of a TIFF")
    order = "<" if data.startswith(b"I") else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    place, count, entry = ("Q", "Q", "HHQ") if is_big else ("I", "H", "HHI")
    [start] = struct.unpack_from(order + place, data, 8 if is_big else 4)
    if start >= len(data):
        raise ValueError("its directory is missing")
    [entries] = struct.unpack_from(order + count, data, start)
    first, size = start + struct.calcsize(order + count), 20 if is_big else 12
    value_at = struct.calcsize(order + entry)
    for index in range(entries):
        tag, kind, values = struct.unpack_from(
            order + entry, data, first + index * size
        )
        if values == 1 and kind in _TIFF_FORMATS:
            [value] = struct.unpack_from(
                order + _TIFF_FORMATS[kind], data, first + index * size + value_at
            )
            yield tag, value
