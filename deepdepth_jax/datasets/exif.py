"""Focal lengths from the EXIF tags of cameras.

The tags describe the file that the camera wrote. Programs that resize it keep them, and
`PixelXDimension` often still holds the first width.
"""

import dataclasses
import math
import numbers
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from PIL import ExifTags, Image

from deepdepth_jax.datasets.orientation import read_exif
from deepdepth_jax.geometry import FILM_DIAGONAL_MM, FocalLength

PLAUSIBLE_MM35 = (8.0, 5000.0)
"""The 35 mm equivalents that lenses without fisheye distortion have."""
UNITS_MM: Mapping[int, float] = MappingProxyType({2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001})
"""FocalPlaneResolutionUnit: inch and cm by the standard, mm and um by some cameras."""
SAME_ASPECT = 0.02
"""Sides that are resized alike differ by rounding only, at most by so much."""


@dataclasses.dataclass(frozen=True)
class ExifFocalLength:
    """The focal length that the tags of a file hold.

    Attributes:
      focal: of the pixels in the file. Unknown without usable tags.
      remarks: the tags that were ignored, and why.
    """

    focal: FocalLength
    remarks: tuple[str, ...] = ()


def read_focal_length(image: Image.Image) -> ExifFocalLength:
    """Reads the focal length of an opened image from its EXIF tags.

    `FocalLengthIn35mmFilm` is preferred. `FocalLength` with `FocalPlaneXResolution`
    comes next. Pixels are square, so a turned image has the same focal length.

    Args:
      image: any image of Pillow's, as its file stores it.

    Returns:
      The focal length, and remarks on ignored tags.
    """
    tags = _read_camera_tags(image)
    scale = _resized_by(image.size, tags)
    remarks = []
    for tag, read in READERS.items():
        if tag not in tags:
            continue
        if scale is None:
            remarks.append(f"{tag.name} is of a larger image that this one is cut from")
            continue
        focal = read(tags, scale)
        if _is_plausible(focal, image.size):
            return ExifFocalLength(focal, tuple(remarks))
        remarks.append(f"{tag.name} leads to no focal length that lenses have")
    return ExifFocalLength(FocalLength(), tuple(remarks))


def _read_camera_tags(image: Image.Image) -> dict[int, Any]:
    """Reads the directory of the camera's settings, without its damaged tags."""
    try:
        return dict(read_exif(image).get_ifd(ExifTags.IFD.Exif))
    except (OSError, SyntaxError, TypeError, ValueError, struct.error):
        return {}


def _from_film(tags: Mapping[int, Any], _: float) -> FocalLength:
    return FocalLength(mm35=_number(tags, ExifTags.Base.FocalLengthIn35mmFilm))


def _from_focal_plane(tags: Mapping[int, Any], scale: float) -> FocalLength:
    focal_mm = _number(tags, ExifTags.Base.FocalLength)
    pixels_per_unit = _number(tags, ExifTags.Base.FocalPlaneXResolution)
    unit = tags.get(ExifTags.Base.FocalPlaneResolutionUnit, 2)  # inch by default
    unit_mm = UNITS_MM.get(unit, math.inf) if isinstance(unit, int) else math.inf
    return FocalLength(px=focal_mm * pixels_per_unit / unit_mm * scale)


READERS: Mapping[ExifTags.Base, Callable[[Mapping[int, Any], float], FocalLength]] = (
    MappingProxyType(
        {
            ExifTags.Base.FocalLengthIn35mmFilm: _from_film,
            ExifTags.Base.FocalPlaneXResolution: _from_focal_plane,
        }
    )
)
"""From all tags, and the factor that the file was resized by, to a focal length."""


def _is_plausible(focal: FocalLength, size: tuple[int, int]) -> bool:
    mm35 = focal.in_pixels(*size) * FILM_DIAGONAL_MM / math.hypot(*size)
    least, most = PLAUSIBLE_MM35
    return least <= mm35 <= most


def _resized_by(size: tuple[int, int], tags: Mapping[int, Any]) -> float | None:
    """Returns the factor from the described file to this one. None for a part of it.

    The sides are compared by length, as programs turn pixels and leave the tags.
    """
    described = sorted(
        _number(tags, tag)
        for tag in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)
    )
    if described[0] < 1:
        return 1.0
    shorter, longer = (
        own / told for own, told in zip(sorted(size), described, strict=True)
    )
    tolerance = max(SAME_ASPECT, 1 / min(size))
    return longer if abs(shorter / longer - 1) <= tolerance else None


def _number(tags: Mapping[int, Any], tag: int) -> float:
    """Returns a tag's number. 0 for none, a damaged one, or a negative one."""
    value = tags.get(tag, 0)
    if isinstance(value, numbers.Rational) and value.denominator == 0:
        return 0.0  # Pillow before 12.3 cannot make a float of it
    number = float(value) if isinstance(value, numbers.Real) else 0.0
    return number if 0 < number < math.inf else 0.0
