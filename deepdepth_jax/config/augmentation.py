"""The section `augment`: random augmentation of training examples."""

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
    """Random augmentation of training examples.

    Colours change in this order: values v in [0, 1], as stored in the file and never
    linearised, become v^gamma. Brightness scales the image, a gain scales each channel,
    and values above 1 are clipped.
    """

    preset: AugmentPreset = option(
        "eigen_kitti",
        meaning="preset for the unset fields of this section",
    )
    max_zoom: float = number(
        None,
        at_least=1,
        at_most=10,
        meaning="largest random scale factor of the image, from 1. Depth is divided "
        "by the factor (Eigen et al. 2014)",
        also=("scale",),
    )
    rotation_deg: float = number(
        None,
        at_least=0,
        at_most=180,
        unit="deg",
        meaning="largest random rotation, in either direction",
        also=("degree",),
    )
    flip_probability: float = number(
        None, at_least=0, at_most=1, meaning="probability of a horizontal flip"
    )
    colour_probability: float = number(
        None,
        at_least=0,
        at_most=1,
        meaning="probability of changing the colours",
        also=("color_probability", "color_jitter"),
    )
    gamma_range: float = number(
        None,
        at_least=0,
        at_most=1,
        meaning="half range of the random gamma exponent about 1",
    )
    brightness_range: float = number(
        None,
        at_least=0,
        at_most=1,
        meaning="half range of the random brightness factor about 1",
    )
    gain_range: float = number(
        None,
        at_least=0,
        at_most=1,
        meaning="half range of the random gain of each colour channel about 1",
    )
    mining_probability: float = number(
        0.0,
        at_least=0,
        at_most=1,
        meaning="probability of placing the crop on a pixel of one of "
        "`augment.mined_bins`, if the image has any",
        also=("mine_chance",),
    )
    mined_bins: tuple[int, ...] = number(
        (),
        at_least=0,
        at_most=253,
        meaning="bins that crops are placed on, numbered from 0. `adapt` sets them to "
        "the rare ones",
        may_be_empty=True,
    )
