"""From light to an 8-bit image: lens, sensor and processing in the camera.

Every step is a pure function of linear or encoded RGB in which 1 is the full scale.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

from deepdepth_jax.datasets.streets.wide.jpeg import through_jpeg

Image = Float[Array, "h w 3"]
Number = Float[Array, ""]
HALO_STEPS = 6
GRAY = np.array([0.25, 0.6, 0.15], np.float32)


@struct.dataclass
class Sensor:
    """How a camera turns light into numbers.

    Attributes:
      exposure: mean level that the metering aims at, of full scale, in linear light.
      glare: share of all light that the lens scatters over the whole image.
      blur: share of a pixel's light that the lens gives to each neighbour.
      halo: share of a pixel's light that goes a few pixels far.
      vignette: share of the light that the corners lack.
      balance: gains of red, green and blue.
      shot_noise: deviation at full scale.
      read_noise: deviation in the dark.
      mosaic: 1 = each pixel sees one colour, the others are interpolated.
      saturation: of colours. 1 = as they are.
      gamma: exponent of the encoding, about 2.2.
      contrast: strength of an S-shaped curve after the encoding.
      black: level that becomes black.
      sharpen: strength of the unsharp mask.
      jpeg_step: scale of JPEG's quantisation tables. 0 = none.
    """

    exposure: Number
    glare: Number
    blur: Number
    halo: Number
    vignette: Number
    balance: Float[Array, "3"]
    shot_noise: Number
    read_noise: Number
    mosaic: Number
    saturation: Number
    gamma: Number
    contrast: Number
    black: Number
    sharpen: Number
    jpeg_step: Number


def capture(
    light_rgb: Image, sensor: Sensor, key: PRNGKeyArray
) -> UInt8[Array, "h w 3"]:
    """Simulates the camera: turns linear light into 8-bit RGB."""
    image = optics(light_rgb, sensor)
    image = image * metered_gain(image, sensor.exposure)
    image = exposed(image, sensor, key)
    image = demosaiced(image, sensor.mosaic)
    image = encoded(image, sensor)
    image = sharpened(image, sensor.sharpen)
    image = through_jpeg(image, sensor.jpeg_step)
    return jnp.round(jnp.clip(image, 0.0, 1.0) * 255).astype(jnp.uint8)


def optics(light_rgb: Image, sensor: Sensor) -> Image:
    """Spreads light to neighbours and over the image, and darkens the corners.

    Args:
      light_rgb: linear light.
      sensor: parameters of lens and sensor.

    Returns:
      Linear light on the sensor.
    """
    height, width, _ = light_rgb.shape
    y, x = jnp.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    falloff = 1 - sensor.vignette * (x**2 + 0.3 * y**2)
    veil = jnp.mean(jnp.minimum(light_rgb, 6.0), (0, 1))
    spread = spread_light(light_rgb, sensor.blur)
    skirt = spread
    for _ in range(HALO_STEPS):
        skirt = spread_light(skirt, 0.25)
    spread += sensor.halo * (skirt - spread)
    return (spread + sensor.glare * (veil[None, None] - spread)) * falloff[..., None]


def spread_light(image: Image, share: Any) -> Image:
    """Returns a share of each pixel to each of its neighbours."""
    for axis in (0, 1):
        count = image.shape[axis]
        padding = [(1, 1) if i == axis else (0, 0) for i in range(3)]
        padded = jnp.pad(image, padding, mode="edge")
        before = jax.lax.slice_in_dim(padded, 0, count, axis=axis)
        after = jax.lax.slice_in_dim(padded, 2, count + 2, axis=axis)
        image = (1 - 2 * share) * image + share * (before + after)
    return image


def metered_gain(image: Image, target: Number) -> Number:
    """Computes the gain that brings moderately bright pixels to a target mean."""
    level = image @ GRAY
    rough = target / jnp.mean(jnp.minimum(level, 2 * jnp.mean(level)))
    return target / jnp.mean(jnp.minimum(level, 1.0 / rough))


def exposed(image: Image, sensor: Sensor, key: PRNGKeyArray) -> Image:
    """Adds noise that grows with the light, and saturates."""
    noise = jax.random.normal(key, image.shape)
    signal = jnp.maximum(image * sensor.balance[None, None], 0.0)
    deviation = jnp.sqrt(sensor.shot_noise**2 * signal + sensor.read_noise**2)
    return jnp.clip(signal + deviation * noise, 0.0, 1.0)


def demosaiced(image: Image, strength: Number) -> Image:
    """Keeps one colour of each pixel of a Bayer pattern, and interpolates the rest."""
    height, width, _ = image.shape
    y, x = jnp.mgrid[:height, :width]
    red, blue = (y % 2 == 0) & (x % 2 == 0), (y % 2 == 1) & (x % 2 == 1)
    masks = jnp.stack([red, ~(red | blue), blue], -1) * 1.0
    kept = spread_light(image * masks, 0.25)
    share = spread_light(masks, 0.25)
    interpolated = kept / jnp.maximum(share, 1e-3)
    mosaic = jnp.where(masks > 0, image, interpolated)
    return image + strength * (mosaic - image)


def encoded(image: Image, sensor: Sensor) -> Image:
    """Applies saturation, black level, gamma and an S-shaped curve."""
    gray = (image @ GRAY)[..., None]
    colored = jnp.clip(gray + sensor.saturation * (image - gray), 0.0, 1.0)
    lifted = jnp.clip((colored - sensor.black) / (1 - sensor.black), 0.0, 1.0)
    level = lifted ** (1 / sensor.gamma)
    curve = level * level * (3 - 2 * level)
    return level + sensor.contrast * (curve - level)


def sharpened(image: Image, strength: Number) -> Image:
    """Sharpens by adding the difference to a blur."""
    return image + strength * (image - spread_light(image, 0.25))
