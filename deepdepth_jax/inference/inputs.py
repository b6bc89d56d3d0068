"""Reads images in the forms that users have them: paths, Pillow images, arrays.

Arrays follow the rules of files (see `datasets.images.read_any_image`): one channel of
8 bits becomes equal colours, alpha is dropped, and of 16 bits a colour the upper 8
remain. Floats must lie in [0, 1] and are multiplied by 255. One channel of more than 8
bits looks like a depth map and is refused.
"""

import itertools
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image

from deepdepth_jax.datasets.images import CameraImage, read_any_image, read_pillow
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import ASSUMED_MM35, FocalLength, TrainingCamera
from deepdepth_jax.runtime.paths import expand_home
from deepdepth_jax.types import AnyArray

ImageInput = str | os.PathLike[str] | Image.Image | AnyArray
"""A path, a Pillow image, or an array (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)."""
ImageList = list[Any] | tuple[Any, ...]
"""Several images, each an `ImageInput`."""
CHANNELS = (1, 3, 4)
"""Grey, RGB, RGB with alpha."""


Number = float | int
Focal = Number | Sequence[Number]
"""A focal length of all images, or of each."""


def read_inputs(
    images: Any, focal_px: Focal, focal_mm35: Number, camera: TrainingCamera
) -> CameraImage | Iterator[CameraImage]:
    """Reads an image, or several: a list, a tuple, or an array (b, h, w, c).

    Args:
      images: see `ImageInput`.
      focal_px: in pixels of the images, of all or of each. 0: from EXIF tags.
      focal_mm35: 35 mm equivalent, in place of `focal_px`.
      camera: that of training. If it leads to an assumed focal length, that is warned
        of.

    Returns:
      The image, or an iterator that reads each as it is needed.

    Raises:
      UserError: an image cannot be read or is none, a focal length is negative or given
        twice, or there are more or fewer than images.
    """
    is_batch = isinstance(images, list | tuple) or getattr(images, "ndim", 0) == 4
    count = len(images) if is_batch else 1
    each_px = np.asarray(focal_px, float)
    if each_px.shape not in ((), (count,)):
        raise UserError(f"focal_px: has {each_px.size} numbers for {count} images")
    all_px = np.broadcast_to(each_px, count).tolist()
    given = [_given(px, focal_mm35) for px in all_px]
    if is_batch:
        return _read_each(images, given, camera)
    return _read(images, given[0], camera)


def read_stream(
    images: Iterable[object],
    focal_px: Number,
    focal_mm35: Number,
    camera: TrainingCamera,
) -> Iterator[CameraImage]:
    """Reads images of one camera as they are needed. See `read_inputs`."""
    given = itertools.repeat(_given(focal_px, focal_mm35))
    return _read_each(images, given, camera)


def _read_each(
    images: Iterable[object], given: Iterable[FocalLength], camera: TrainingCamera
) -> Iterator[CameraImage]:
    for index, (image, focal) in enumerate(zip(images, given, strict=False)):
        yield _read(image, focal, camera, f"images[{index}]")


def _given(focal_px: Number, focal_mm35: Number) -> FocalLength:
    try:
        return FocalLength.given(focal_px, focal_mm35)
    except ValueError as error:
        raise UserError(str(error)) from error


def _read(
    image: object, given: FocalLength, camera: TrainingCamera, name: str = "the image"
) -> CameraImage:
    """Reads an image. Its pixels are its own: arrays are copied."""
    if isinstance(image, str | os.PathLike):
        name = os.fsdecode(image)
        read = read_any_image(Path(expand_home(name)))
    elif isinstance(image, Image.Image):
        read = read_pillow(image, getattr(image, "filename", "") or name)
    elif hasattr(image, "__array__"):
        read = CameraImage(_as_rgb(np.asarray(image), name))
    else:
        raise UserError(
            f"{name}: must be a path, a Pillow image or an array, not "
            f"{type(image).__name__}"
        )
    if given:
        return CameraImage(read.image, given.in_pixels(*read.image.shape[:2]))
    for remark in read.remarks:
        warnings.warn(f"{name}: EXIF tag ignored: {remark}", stacklevel=4)
    assumed_px = camera.assumed_px(*read.image.shape[:2])
    if assumed_px and not read.focal_px:
        warnings.warn(
            f"{name}: unknown focal length, assumed to be {assumed_px:.0f} px "
            f"({ASSUMED_MM35:g} mm as 35 mm equivalent). Depth is proportional to it: "
            "give focal_px or focal_mm35",
            stacklevel=4,
        )
    return read


def _as_rgb(array: Shaped[np.ndarray, "..."], name: str) -> UInt8[np.ndarray, "h w 3"]:
    """Copies an array of one of the shapes of `ImageInput` as 8-bit RGB."""
    _check_shape(array.shape, name)
    if array.ndim == 2:
        array = array[..., None]
    colours = _to_8_bits(array, name)[..., :3]
    return np.array(np.broadcast_to(colours, (*colours.shape[:2], 3)))


def _check_shape(shape: tuple[int, ...], name: str) -> None:
    if 0 in shape:
        raise UserError(f"{name}: has no pixels, its shape is {shape}")
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in CHANNELS):
        return
    if len(shape) == 3 and shape[0] in CHANNELS:
        remedy = "the channels come last: numpy.moveaxis(image, 0, -1)"
    else:
        remedy = "it must be (height, width), or (height, width, channels) with 1, 3 "
        remedy += "or 4 channels"
    raise UserError(f"{name}: has the shape {shape}; {remedy}")


def _to_8_bits(array: Shaped[np.ndarray, "h w c"], name: str) -> np.ndarray:
    dtype = array.dtype
    if dtype == np.uint8:
        return array
    if array.shape[2] == 1:
        raise UserError(
            f"{name}: has one channel of {dtype}, like a depth map; a grey image must "
            "have values in 0..255 and be uint8"
        )
    if dtype == np.uint16:
        if 0 < array.max() < 2**8:
            raise UserError(
                f"{name}: is uint16 with values of 8 bits; use image.astype('uint8')"
            )
        return (array >> 8).astype(np.uint8)
    if dtype.kind != "f":
        raise UserError(f"{name}: is {dtype}; use image.astype('uint8')")
    if not (array.min() >= 0 and array.max() <= 1):  # so that NaN fails, too
        raise UserError(
            f"{name}: is {dtype} from {array.min():g} to {array.max():g}; floats must "
            "be in 0..1 (values in 0..255: use image.astype('uint8'))"
        )
    return np.round(array.astype(np.float32) * 255).astype(np.uint8)
