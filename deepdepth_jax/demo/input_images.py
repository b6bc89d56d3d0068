"""Images of the page: limited before they are decoded, shrunk after."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from deepdepth_jax.config import DataConfig
from deepdepth_jax.datasets.images import read_any_image
from deepdepth_jax.datasets.registry import STREETS_SEED
from deepdepth_jax.datasets.streets.streets_source import StreetsSource
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import FocalLength
from deepdepth_jax.inference.layout import LARGEST_WHOLE_PX

LARGEST_FILE_BYTES = 20 * 2**20
LARGEST_FILE_PX = 50_000_000
"""A small file can hold more pixels than fit into memory."""
LONGEST_TO_SHORTEST = 16
"""Networks predict nothing useful on longer strips, and browsers cannot show them."""
KINDS = "PNG, JPEG, WebP, TIFF or BMP"


@dataclasses.dataclass(frozen=True)
class InputImage:
    """An image to predict.

    Attributes:
      name: of the file, without folder and suffix.
      image: RGB, of at most `LARGEST_WHOLE_PX` pixels.
      shrunk_by: width of the file over width of `image`.
      focal_px: focal length of the file, in its pixels; 0 = unknown.
      is_rendered: whether the focal length is exact, so that no other one is taken.
    """

    name: str
    image: UInt8[np.ndarray, "h w 3"]
    shrunk_by: float = 1.0
    focal_px: float = 0.0
    is_rendered: bool = False

    def focal_length(self, asked: FocalLength) -> FocalLength:
        """Returns the focal length to use, in pixels of the file.

        Args:
          asked: from the visitor, for the file. It wins over EXIF tags.
        """
        if self.is_rendered or not asked:
            return FocalLength(self.focal_px)
        height, width = (side * self.shrunk_by for side in self.image.shape[:2])
        return FocalLength(asked.in_pixels(height, width))


def read_upload(path: Path) -> InputImage:
    """Reads an uploaded image, and shrinks a large one.

    Raises:
      UserError: the file is too large, or no image. The message names the file without
        the server's folder.
    """
    try:
        _check_size(path)
        read = read_any_image(path)
    except UserError as error:
        raise UserError(str(error).replace(str(path), path.name)) from error
    height, width = read.image.shape[:2]
    shrunk_by = max(1.0, math.sqrt(height * width / LARGEST_WHOLE_PX))
    image = _shrunk(read.image, shrunk_by)
    return InputImage(path.stem, image, shrunk_by, read.focal_px)


def street_scenes(data: DataConfig, count: int) -> Iterator[InputImage]:
    """Renders scenes that no network was trained on, as examples.

    Args:
      data: section `data` of a config, with the size of the images.
      count: number of scenes.

    Yields:
      Images with known focal lengths.
    """
    height, width = data.streets.height, data.streets.width
    scenes = StreetsSource("test", count, height, width, STREETS_SEED)
    for index in range(count):
        scene = scenes.read(index)
        yield InputImage(
            f"street_{index + 1}",
            scene.image,
            focal_px=scene.focal_px,
            is_rendered=True,
        )


def _check_size(path: Path) -> None:
    shorter_px, longer_px = sorted(_size_px(path))
    if shorter_px * longer_px > LARGEST_FILE_PX:
        raise UserError(
            f"{path}: too many pixels; give an image of at most "
            f"{LARGEST_FILE_PX / 1e6:g} megapixels"
        )
    if longer_px > LONGEST_TO_SHORTEST * shorter_px:
        raise UserError(
            f"{path}: too long and narrow; give an image at most "
            f"{LONGEST_TO_SHORTEST} times as long one way as the other"
        )


def _size_px(path: Path) -> tuple[float | int, float | int]:
    try:
        with Image.open(path) as image:
            return image.size
    except FileNotFoundError as error:  # it made room for a newer one
        raise UserError(f"{path}: no longer stored; upload it again") from error
    except Image.DecompressionBombError:
        return math.inf, math.inf
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{path}: not a readable image; give {KINDS}") from error


def _shrunk(
    image: UInt8[np.ndarray, "h w 3"], times: float
) -> UInt8[np.ndarray, "y x 3"]:
    if times == 1:
        return image
    height, width = (max(1, math.floor(side / times)) for side in image.shape[:2])
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(resized)
