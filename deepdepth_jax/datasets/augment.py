"""Augmentation: one function of an example and a seed.

Everything that moves pixels is composed into one affine map from the places of the crop
to places in the image. Image and depth go through the same map, so they cannot come
apart, and only the pixels of the crop are ever computed.
"""

from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Integer, UInt8

from deepdepth_jax.config import AugmentConfig

cv2.setNumThreads(1)  # the pipeline works on many images at once instead

MEAN_COLOUR = (124, 116, 104)
"""The mean of ImageNet in 8-bit RGB, used as padding."""

INTENSITIES = np.linspace(0, 1, 256)[:, None]


def augment(
    image: UInt8[np.ndarray, "h w 3"],
    depth_m: Float32[np.ndarray, "h w"],
    seed: tuple[int, ...],
    *,
    crop: tuple[int, int],
    augmentation: AugmentConfig,
    mined: Integer[np.ndarray, "h w"] | None = None,
) -> tuple[UInt8[np.ndarray, "rows columns 3"], Float32[np.ndarray, "rows columns"]]:
    """Cuts a random crop out of an example that is zoomed, turned, mirrored, tinted.

    Where the zoomed image is smaller than the crop, it lies at a random place in it,
    surrounded by `MEAN_COLOUR` and depth 0.

    Args:
      image: RGB.
      depth_m: 0 = no ground truth.
      seed: not negative. The result depends on the example and on it alone.
      crop: height and width of the result.
      augmentation: how far to go.
      mined: positive numbers of the kinds of pixels that the crop is placed on, with
        the probability `mining_probability`, if there are any. 0 for the others.

    Returns:
      The image (*crop, 3), resampled bilinearly, and depth (*crop), resampled to the
      nearest pixel.
    """
    # All numbers are drawn whatever is done with them: to change one field of the
    # augmentation leaves the draws of the others as they were.
    generator = np.random.default_rng(seed)
    draw = generator.random(11)
    zoom = 1 + (augmentation.max_zoom - 1) * draw[0]
    angle = np.radians(_spread(draw[1], augmentation.rotation_deg))
    room = zoom * np.array(depth_m.shape) - crop
    place = draw[3:5] * room
    if mined is not None and mined.any():
        mining = generator.random(5)
        if mining[0] < augmentation.mining_probability:
            pixel = _drawn_pixel(mined, mining[1:3])
            moved = _moved(pixel, depth_m.shape, zoom, angle)
            place = _about(moved, mining[3:5], crop, room)
    crop_to_image = _crop_to_image(
        depth_m.shape,
        crop,
        zoom=zoom,
        angle=angle,
        mirrored=bool(draw[2] < augmentation.flip_probability),
        # Whole pixels: a shift by a part of one would blur.
        offset=np.round(place),
    )
    if draw[5] < augmentation.colour_probability:
        gamma = 1 + _spread(draw[6], augmentation.gamma_range)
        brightness = 1 + _spread(draw[7], augmentation.brightness_range)
        gain = 1 + _spread(draw[8:11], augmentation.gain_range)
        image = _change_colours(image, gamma, brightness * gain)
    image = _warp(image, crop_to_image, crop, cv2.INTER_LINEAR, MEAN_COLOUR)
    depth_m = _warp(depth_m, crop_to_image, crop, cv2.INTER_NEAREST, (0,))
    return image, depth_m / np.float32(zoom)


def _drawn_pixel(
    mined: Integer[np.ndarray, "h w"], draw: Float64[np.ndarray, "2"]
) -> Float64[np.ndarray, "2"]:
    """Draws one of the kinds that are there, then one of its pixels: row and column."""
    kinds = np.unique(mined[mined > 0])
    kind = kinds[int(draw[0] * len(kinds))]
    pixels = np.argwhere(mined == kind)
    return pixels[int(draw[1] * len(pixels))].astype(np.float64)


def _moved(
    pixel: Float64[np.ndarray, "2"], size: tuple[int, ...], zoom: float, angle: float
) -> Float64[np.ndarray, "2"]:
    """Returns where a pixel of the image lies in the zoomed and turned one."""
    y, x = pixel - (np.array(size) - 1) / 2
    turned = (
        np.cos(angle) * y - np.sin(angle) * x,
        np.sin(angle) * y + np.cos(angle) * x,
    )
    return zoom * np.array(turned) + (zoom * np.array(size) - 1) / 2


def _about(
    pixel: Float64[np.ndarray, "2"],
    draw: Float64[np.ndarray, "2"],
    crop: tuple[int, int],
    room: Float64[np.ndarray, "2"],
) -> Float64[np.ndarray, "2"]:
    """Draws a place of the crop that has the pixel in it, if the image allows."""
    least, most = np.minimum(room, 0), np.maximum(room, 0)
    low = np.clip(np.ceil(pixel - np.array(crop) + 1), least, most)
    high = np.clip(np.floor(pixel), least, most)
    return low + draw * (high - low)


def _spread(draw: Any, reach: float) -> Any:
    """Maps [0, 1] to [-reach, reach]."""
    return (2 * draw - 1) * reach


def _crop_to_image(
    size: tuple[int, ...],
    crop: tuple[int, int],
    *,
    zoom: float,
    angle: float,
    mirrored: bool,
    offset: np.ndarray,
) -> Float64[np.ndarray, "2 3"]:
    """Composes the affine map that takes a pixel (x, y, 1) of the crop to the image.

    Pixels are squares about whole numbers, so an image's middle is at (size - 1) / 2.
    """
    height, width = size
    mirror = np.eye(3)
    if mirrored:
        mirror[0] = (-1, 0, crop[1] - 1)
    zoomed_middle = (zoom * width - 1) / 2, (zoom * height - 1) / 2
    from_middle = _shift(offset[1] - zoomed_middle[0], offset[0] - zoomed_middle[1])
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    turn_and_shrink = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    to_image = _shift((width - 1) / 2, (height - 1) / 2)
    return (to_image @ turn_and_shrink @ from_middle @ mirror)[:2]


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])


def _change_colours(
    image: UInt8[np.ndarray, "h w 3"], gamma: float, gain: Float64[np.ndarray, "3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Looks every value up in a table: there are only 256 for each colour."""
    table = np.minimum(INTENSITIES**gamma * gain, 1)
    return cv2.LUT(image, np.round(255 * table).astype(np.uint8)[None])


def _warp(
    image: np.ndarray,
    transform: np.ndarray,
    crop: tuple[int, int],
    interpolation: int,
    outside: tuple[int, ...],
) -> np.ndarray:
    return cv2.warpAffine(
        image,
        transform,
        crop[::-1],
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=outside,
    )
