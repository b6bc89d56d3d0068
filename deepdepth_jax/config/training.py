"""The sections `augment` and `train`."""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from deepdepth_jax.config.fields import Section, number, option
from deepdepth_jax.config.network import HeadName

AugmentPreset = Literal["none", "flip", "eigen_kitti", "eigen_nyu", "bts"]
LossName = Literal[
    "cross_entropy", "soft_labels", "label_smoothing", "ordinal", "silog", "berhu"
]
Remat = Literal["none", "selective", "full"]

MOST_STEPS = 1_000_000_000

LOSSES: Mapping[HeadName, tuple[LossName, ...]] = MappingProxyType(
    {
        "classification": ("cross_entropy", "soft_labels", "label_smoothing"),
        "ordinal": ("ordinal",),
        "regression": ("silog", "berhu"),
    }
)
"""The losses of each head. The first one is its default."""


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
        meaning="what the fields of this section are where they are not given",
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(Section):
    """Training: batches, loss, optimiser, checkpoints."""

    batch_size: int = number(
        3,
        at_least=1,
        at_most=65_536,
        unit="images",
        meaning="images per step, over all devices",
    )
    accumulate: int = number(
        1,
        at_least=1,
        at_most=65_536,
        meaning="parts that each device computes its share of a batch in, one after "
        "the other",
        also=("grad_accum", "accumulation_steps"),
    )
    precision: Literal["float32", "bfloat16"] = option(
        "float32",
        meaning="what the network computes in; parameters, statistics and the loss "
        "are float32",
        also=("dtype", "amp", "mixed", "fp16", "bf16"),
    )
    remat: Remat = option(
        "none",
        meaning="what the backward pass recomputes to save memory: none, selective "
        "(all but the last convolution of each block) or full",
        also=("checkpointing", "gradient_checkpointing", "recompute"),
    )
    crop: tuple[int, int] = number(
        (420, 800),
        at_least=1,
        at_most=16_384,
        unit="px",
        meaning="height and width of the training crop; smaller images are padded",
        also=("crop_size", "size", "height", "width", "input_size"),
    )
    num_steps: int = number(
        100_000,
        at_least=1,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="length of the training",
        also=("iterations", "max_iter", "epochs", "total_steps"),
    )
    loss: LossName = option(
        None,
        meaning="the loss, one of those of `model.head`: cross_entropy, "
        "soft_labels or label_smoothing for classification; ordinal; silog or berhu "
        "for regression; not given: the first of these",
        also=("criterion",),
    )
    soft_label_std: float = number(
        math.sqrt(0.5),
        at_least=0.001,
        at_most=100,
        meaning="of soft_labels: about their standard deviation in ln depth; the "
        "default is that of SORD's paper",
        also=("sigma",),
    )
    label_smoothing: float = number(
        0.1,
        at_least=0,
        below=1,
        meaning="of label_smoothing: the share of a label that its neighbours get",
        also=("smoothing",),
    )
    silog_weight: float = number(
        0.0,
        at_least=0,
        at_most=1000,
        meaning="weight of the scale-invariant loss of the expected depth, added to a "
        "loss of classification",
    )
    optimizer: Literal["sgd", "adamw"] = option(
        "sgd", meaning="sgd (the paper's) or adamw", also=("optim", "solver")
    )
    learning_rate: float = number(
        2.5e-4,
        at_least=0,
        at_most=100,
        meaning="initial learning rate",
        also=("lr", "base_lr", "init_lr", "eta"),
    )
    momentum: float = number(
        0.9,
        at_least=0,
        below=1,
        meaning="of sgd; for adamw, decay of the mean gradient",
        also=("beta1", "b1"),
    )
    weight_decay: float = number(
        5e-4, at_least=0, at_most=100, meaning="weight decay", also=("wd", "l2")
    )
    poly_power: float = number(
        0.9,
        at_least=0,
        at_most=100,
        meaning="the learning rate decays as (1 - step / num_steps) to this power",
        also=("lr_power", "gamma"),
    )
    head_lr_mult: float = number(
        10.0,
        at_least=0,
        at_most=10_000,
        meaning="factor of the head's learning rate",
        also=("head_lr",),
    )
    backbone_lr_mult: float = number(
        1.0,
        at_least=0,
        at_most=10_000,
        meaning="factor of the backbone's learning rate",
        also=("backbone_lr",),
    )
    freeze_at: int = number(
        0,
        at_least=0,
        at_most=5,
        unit="stages",
        meaning="stages of the backbone that keep their weights: 1 is the stem, 2 "
        "layer1 too, up to 5; running statistics of trained normalisation still move",
        also=("frozen_stages",),
    )
    log_every: int = number(
        50,
        at_least=1,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="steps between two lines of metrics.jsonl",
        also=("print_freq", "log_freq"),
        free=True,
    )
    checkpoint_every: int = number(
        1000,
        at_least=1,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="steps between two checkpoints",
        also=("save_every", "save_freq"),
        free=True,
    )
    keep_checkpoints: int = number(
        2,
        at_least=1,
        at_most=1_000_000,
        meaning="how many of the last checkpoints are kept, besides the best",
        also=("max_to_keep",),
        free=True,
    )
    keep_every: int = number(
        0,
        at_least=0,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="checkpoints at multiples of this step are kept for good; 0: none",
        free=True,
    )
    max_bad_steps: int = number(
        10,
        at_least=1,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="training stops after this many steps in a row whose loss or gradient "
        "was not finite, or that saw no valid pixel; such steps change nothing",
        also=("nan",),
        free=True,
    )
    profile_steps: tuple[int, int] = number(
        (0, 0),
        at_least=0,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="first and last step of a profile to record; (0, 0): none",
        free=True,
    )

    def check(self) -> None:
        """Refuses a profile that ends before it starts."""
        first, last = self.profile_steps
        if first > last:
            raise ValueError(
                f"profile_steps={(first, last)}: the first must be <= the last"
            )
