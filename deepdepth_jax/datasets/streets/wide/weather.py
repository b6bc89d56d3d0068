"""Light and sensors of the wide world: sun of every height, clouds, haze, dusk."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from deepdepth_jax.datasets.streets.scene import HAZE_PER_M, Light
from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.sensor import Sensor
from deepdepth_jax.datasets.streets.wide.solids import on_device

BLUE, PALE = np.array([0.14, 0.30, 0.66]), np.array([0.66, 0.78, 0.92])
GREY, DUSK = np.array([0.62, 0.66, 0.72]), np.array([0.85, 0.55, 0.40])
LOW_SUN, HIGH_SUN = np.array([1.0, 0.74, 0.48]), np.array([1.0, 0.95, 0.88])


class Sky(NamedTuple):
    """A kind of weather: its weight, and ranges of its parameters."""

    weight: float
    elevation: tuple[float, float]  # of the sun, radians
    sun: tuple[float, float]  # strength; about 1 when the sky is clear
    cloudiness: tuple[float, float]
    haze: tuple[float, float]  # times `HAZE_PER_M`
    grey: float  # how grey the sky is


SKIES = (
    Sky(0.42, (0.45, 1.15), (0.85, 1.25), (0.0, 0.55), (0.5, 3.0), 0.1),  # clear
    Sky(0.16, (0.08, 0.45), (0.6, 1.1), (0.0, 0.6), (1.0, 6.0), 0.15),  # low sun
    Sky(0.14, (0.4, 1.1), (0.15, 0.6), (0.5, 0.9), (1.0, 6.0), 0.6),  # veiled
    Sky(0.18, (0.4, 1.1), (0.0, 0.08), (0.7, 1.0), (1.0, 8.0), 1.0),  # overcast
    Sky(0.05, (0.3, 1.0), (0.0, 0.15), (0.6, 1.0), (15.0, 60.0), 1.0),  # fog
    Sky(0.05, (0.02, 0.1), (0.05, 0.3), (0.0, 0.8), (1.0, 8.0), 0.5),  # dusk
)


def random_light(draws: Draws) -> tuple[Light, Float[np.ndarray, "2"]]:
    """Draws the weather, and the shares of sky and ground in a surface's light.

    Args:
      draws: source of random numbers.

    Returns:
      Light, and the two shares.
    """
    sky = SKIES[draws.picks([kind.weight for kind in SKIES], 1)[0]]
    azimuth, elevation = draws.uniform(-np.pi, np.pi), draws.uniform(*sky.elevation)
    sun = draws.uniform(*sky.sun)
    high = np.clip((elevation - 0.05) / 0.5, 0.0, 1.0)
    grey = np.clip(sky.grey + draws.uniform(-0.1, 0.1), 0.0, 1.0)
    pale = DUSK + (PALE - DUSK) * np.clip(elevation / 0.2, 0.3, 1.0)
    bright = draws.log_uniform(1.0, 3.5) * np.clip(0.35 + 2 * elevation, 0.3, 1.0)
    # Cameras see little of the sky but what is low, and that is paler.
    blue = BLUE + (PALE - BLUE) * draws.uniform(0.0, 0.8)
    zenith = (blue + (GREY - blue) * grey) * bright
    horizon = (pale + (0.95 * GREY - pale) * grey) * bright * draws.uniform(0.9, 1.5)
    level = np.cos(elevation)
    toward = [level * np.sin(azimuth), np.sin(elevation), level * np.cos(azimuth)]
    fields = on_device(
        sun_direction=toward,
        sun_color=3.2 * sun * (LOW_SUN + (HIGH_SUN - LOW_SUN) * high),
        zenith_color=zenith,
        horizon_color=horizon,
        cloudiness=draws.uniform(*sky.cloudiness),
        haze_per_m=HAZE_PER_M * draws.log_uniform(*sky.haze),
        exposure=1.0,
    )
    return Light(**fields), np.array(
        [draws.uniform(0.2, 0.5), draws.uniform(0.15, 0.4)]
    )


def random_sensor(draws: Draws) -> Sensor:
    """Draws a camera's electronics, from a clean one to a poor one.

    Args:
      draws: source of random numbers.

    Returns:
      The sensor.
    """
    noisy = draws.chance(0.35)
    warmth, tint = draws.normal(0.06), draws.normal(0.02)
    balance = np.exp([warmth, tint, -warmth])
    fields = on_device(
        exposure=draws.log_uniform(0.10, 0.30),
        glare=draws.uniform(0.0, 0.03)
        if draws.chance(0.8)
        else draws.uniform(0.03, 0.1),
        blur=draws.uniform(0.0, 0.13),
        halo=draws.uniform(0.0, 0.15) * draws.chance(0.6),
        vignette=draws.uniform(0.0, 0.3),
        balance=balance,
        shot_noise=draws.log_uniform(0.003, 0.04 if noisy else 0.012),
        read_noise=draws.log_uniform(0.0005, 0.006 if noisy else 0.002),
        mosaic=draws.uniform() * draws.chance(0.5),
        saturation=draws.uniform(0.6, 1.35),
        gamma=draws.uniform(1.8, 2.4),
        contrast=draws.uniform(-0.1, 0.6),
        black=draws.uniform(0.0, 0.012) * draws.chance(0.5),
        sharpen=draws.uniform(0.0, 0.9) * draws.chance(0.6),
        jpeg_step=draws.uniform(0.05, 0.8) * draws.chance(0.45),
    )
    return Sensor(**fields)
