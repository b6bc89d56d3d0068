"""Augmentation: one function of an example and a seed, as TensorFlow operations.

Everything that moves pixels is composed into one affine map from the places of the crop
to places in the picture. Image, depth and validity go through the same map, so they
cannot come apart, and only the pixels of the crop are ever computed.
"""

import dataclasses

import tensorflow as tf

MEAN_COLOUR = (124, 116, 104)
"""The mean of ImageNet in 8-bit RGB: what lies outside the picture looks like."""


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How far an example may be changed.

    Attributes:
      max_zoom: the picture grows by a factor drawn from [1, max_zoom], and its depth
        shrinks by the same factor: the scene comes nearer (Eigen et al. 2014).
      rotation_deg: turned by an angle drawn from [-rotation_deg, rotation_deg].
      colour_gain: each colour is multiplied by a factor drawn from
        [1 - colour_gain, 1 + colour_gain], on the 8-bit values as they are, without
        undoing their gamma.
      flip_probability: of mirroring left and right.
    """

    max_zoom: float
    rotation_deg: float
    colour_gain: float
    flip_probability: float


def augment(
    image: tf.Tensor,
    depth_m: tf.Tensor,
    seed: tf.Tensor,
    *,
    crop: tuple[int, int],
    augmentation: Augmentation,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts a random crop out of an example that is zoomed, turned, mirrored, tinted.

    Where the zoomed picture is smaller than the crop, it lies at a random place in it,
    surrounded by `MEAN_COLOUR` and depth 0.

    Args:
      image: uint8 (h, w, 3).
      depth_m: float32 (h, w), 0 = no ground truth.
      seed: int (2,); the result depends on the example and on it alone.
      crop: height and width of the result.
      augmentation: how far to go.

    Returns:
      The image, uint8 (*crop, 3), resampled bilinearly, and depth, float32 (*crop),
      resampled to the nearest pixel.
    """
    draw = tf.unstack(tf.random.stateless_uniform([8], seed))
    zoom = 1 + (augmentation.max_zoom - 1) * draw[0]
    angle = (2 * draw[1] - 1) * augmentation.rotation_deg * (3.14159265 / 180)
    mirrored = draw[2] < augmentation.flip_probability
    gain = 1 + (2 * tf.stack(draw[3:6]) - 1) * augmentation.colour_gain

    size = tf.cast(tf.shape(depth_m), tf.float32)
    room = zoom * size - tf.constant(crop, tf.float32)
    transform = _crop_to_picture(
        size,
        crop,
        zoom=zoom,
        angle=angle,
        # Whole pixels: a shift by a part of one would blur.
        offset=tf.round(tf.stack(draw[6:8]) * room),
        mirrored=mirrored,
    )
    inside = _warp(tf.ones_like(depth_m)[..., None], transform, crop, "NEAREST") > 0
    depth_m = _warp(depth_m[..., None], transform, crop, "NEAREST")[..., 0] / zoom
    colour = _warp(tf.cast(image, tf.float32), transform, crop, "BILINEAR") * gain
    colour = tf.where(inside, colour, tf.constant(MEAN_COLOUR, tf.float32))
    image = tf.cast(tf.clip_by_value(tf.round(colour), 0, 255), tf.uint8)
    return image, tf.where(inside[..., 0], depth_m, 0.0)


def _crop_to_picture(
    size: tf.Tensor,
    crop: tuple[int, int],
    *,
    zoom: tf.Tensor,
    angle: tf.Tensor,
    offset: tf.Tensor,
    mirrored: tf.Tensor,
) -> tf.Tensor:
    """Composes the affine map of pixel centres, as (a, b, c, d, e, f).

    The pixel (x, y) of the crop comes from (a x + b y + c, d x + e y + f).
    """
    sign = tf.where(mirrored, -1.0, 1.0)
    start = tf.where(mirrored, float(crop[1]), 0.0)
    middle = zoom * size / 2
    cos, sin = tf.cos(angle) / zoom, tf.sin(angle) / zoom
    # From the middle of the zoomed picture to the centre of the crop's pixel (0, 0).
    x = start + sign * 0.5 + offset[1] - middle[1]
    y = 0.5 + offset[0] - middle[0]
    return tf.stack(
        [
            sign * cos,
            -sin,
            cos * x - sin * y + size[1] / 2 - 0.5,
            sign * sin,
            cos,
            sin * x + cos * y + size[0] / 2 - 0.5,
        ]
    )


def _warp(
    picture: tf.Tensor, transform: tf.Tensor, crop: tuple[int, int], how: str
) -> tf.Tensor:
    """Samples float32 (h, w, c) at the mapped places.

    Bilinear samples beyond the border take the border's colour, so that the last row
    inside is not darkened; nearest ones are 0 there.
    """
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=picture[None],
        transforms=tf.concat([transform, [0.0, 0.0]], axis=0)[None],
        output_shape=crop,
        fill_value=0.0,
        interpolation=how,
        fill_mode="NEAREST" if how == "BILINEAR" else "CONSTANT",
    )[0]
