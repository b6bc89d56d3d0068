"""The section `augment`: how far training examples are changed at random."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from deepdepth_jax.config.declare import number, option
from deepdepth_jax.config.fields import Section

AugmentPreset = Literal["none", "flip", "eigen_kitti", "eigen_nyu", "bts"]


def _augmentation(**changed: float) -> Mapping[str, float]:
    return MappingProxyType(
        dict(
            max_zoom=1.0,
            rotation_deg=0.0,
            flip_probability=0.5,
            colour_probability=0.0,
            gamma_range=0.0,
            brightness_range=0.0,
            gain_range=0.0,
        )
        | changed
    )


AUGMENTATIONS: Mapping[AugmentPreset, Mapping[str, Any]] = MappingProxyType(
    {
        "none": _augmentation(flip_probability=0.0),
        "flip": _augmentation(),
        # Eigen et al. 2014, for KITTI with the paper's footnote.
        "eigen_kitti": _augmentation(
            max_zoom=1.2, colour_probability=1.0, gain_range=0.2
        ),
        "eigen_nyu": _augmentation(
            max_zoom=1.5, rotation_deg=5.0, colour_probability=1.0, gain_range=0.2
        ),
        # BTS (Lee et al. 2019) as released for KITTI. BTS first cuts each frame to its
        # bottom-center 352 x 1216, then draws a crop of 352 x 704 from that. Here the
        # crop is drawn from the whole frame.
        "bts": _augmentation(
            rotation_deg=1.0,
            colour_probability=0.5,
            gamma_range=0.1,
            brightness_range=0.1,
            gain_range=0.1,
        ),
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AugmentConfig(Section):
    """How far training examples are changed at random.

    Colours change in this order: an image with values v in [0, 1], as they are in the
    file (nothing is made linear in light), becomes v^gamma, is scaled by the
    brightness, then each colour by its gain, and values above 1 are clipped.
    """

    preset: AugmentPreset = option(
        "eigen_kitti",
        meaning="values of the fields of this section that are not given",
    )
    max_zoom: float = number(
        None,
        at_least=1,
        at_most=10,
        meaning="the image is enlarged by a factor from 1 to this one, and its depth "
        "divided by it (Eigen et al. 2014)",
        also=("scale",),
    )
    rotation_deg: float = number(
        None,
        at_least=0,
        at_most=180,
        unit="deg",
        meaning="the image is rotated by at most this angle, either way",
        also=("degree",),
    )
    flip_probability: float = number(
        None, at_least=0, at_most=1, meaning="chance of mirroring left and right"
    )
    colour_probability: float = number(
        None,
        at_least=0,
        at_most=1,
        meaning="chance of changing the colours at all",
        also=("color_probability", "color_jitter"),
    )
    gamma_range: float = number(
        None,
        at_least=0,
        at_most=1,
        meaning="the exponent lies within 1 plus or minus this",
    )
    brightness_range: float = number(
        None,
        at_least=0,
        at_most=1,
        meaning="the brightness lies within 1 plus or minus this",
    )
    gain_range: float = number(
        None,
        at_least=0,
        at_most=1,
        meaning="the gain of each colour lies within 1 plus or minus this",
    )
