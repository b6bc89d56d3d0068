"""The section `train`."""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from deepdepth_jax.config.declare import number, option
from deepdepth_jax.config.fields import Section
from deepdepth_jax.config.network import HeadName

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
        meaning="number format of the network. Parameters, statistics and the loss "
        "are float32",
        also=("dtype", "amp", "mixed", "fp16", "bf16"),
    )
    remat: Remat = option(
        "none",
        meaning="activations that the backward pass recomputes, to save memory: none, "
        "selective "
        "(all but the last convolution of each block) or full",
        also=("checkpointing", "gradient_checkpointing", "recompute"),
    )
    crop: tuple[int, int] = number(
        (420, 800),
        at_least=1,
        at_most=16_384,
        unit="px",
        meaning="height and width of the training crop. Smaller images are padded",
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
        "soft_labels or label_smoothing for classification, ordinal for ordinal, silog "
        "or berhu for regression. Not given: the first of these",
        also=("criterion",),
    )
    soft_label_std: float = number(
        math.sqrt(0.5),
        at_least=0.001,
        at_most=100,
        meaning="for soft_labels: about their standard deviation in ln depth. The "
        "default is that of SORD's paper",
        also=("sigma",),
    )
    label_smoothing: float = number(
        0.1,
        at_least=0,
        below=1,
        meaning="for label_smoothing: the share of a label that its neighbours get",
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
        meaning="momentum of sgd. For adamw, decay of the mean gradient",
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
        "layer1 too, up to 5. Running statistics of trained normalisation still move",
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
        meaning="checkpoints at multiples of this step are kept for good. 0: none",
        free=True,
    )
    max_bad_steps: int = number(
        10,
        at_least=1,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="training stops after this many steps in a row whose loss or gradient "
        "was not finite, or that saw no valid pixel. Such steps change nothing",
        also=("nan",),
        free=True,
    )
    profile_steps: tuple[int, int] = number(
        (0, 0),
        at_least=0,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="first and last step of a profile to record. (0, 0): none",
        free=True,
    )
