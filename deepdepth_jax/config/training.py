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
Resize = Literal["none", "pretrained"]

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
        meaning="gradient accumulation: sequential parts of the batch on each device",
        also=("grad_accum", "accumulation_steps"),
    )
    precision: Literal["float32", "bfloat16"] = option(
        "float32",
        meaning="dtype of the network. Parameters, statistics and the loss stay "
        "float32",
        also=("dtype", "amp", "mixed", "fp16", "bf16"),
    )
    remat: Remat = option(
        "none",
        meaning="activations that the backward pass recomputes to save memory: none, "
        "selective (the last convolution and most outputs of blocks) or full",
        also=("checkpointing", "gradient_checkpointing", "recompute"),
    )
    crop: tuple[int, int] = number(
        (420, 800),
        at_least=1,
        at_most=16_384,
        unit="px",
        meaning="height and width of the training crop. Smaller images are padded",
        inherited=True,
        also=("crop_size", "size", "height", "width", "input_size"),
    )
    resize: Resize | None = option(
        None,
        meaning="resizing of training images with their ground truth and focal "
        "length: pretrained (as evaluation and `predict` resize images for the "
        "pretrained network) or none. Unset: pretrained with a depth network of known "
        "camera in `model.pretrained`, else none",
        also=("rescale", "downscale", "reduce", "max_pixels", "resolution"),
    )
    num_steps: int = number(
        100_000,
        at_least=1,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="number of training steps",
        also=("iterations", "max_iter", "epochs", "total_steps"),
    )
    loss: LossName = option(
        None,
        meaning="loss: cross_entropy, soft_labels or label_smoothing with "
        "`model.head=classification`, ordinal with ordinal, silog or berhu with "
        "regression. Unset: the first of these",
        also=("criterion",),
    )
    beyond: Literal["ignore", "last_bin"] = option(
        "ignore",
        meaning="depth beyond the last bin: ignore, or the last_bin, so that the "
        "network learns what is far, not with regression",
        also=("far",),
    )
    soft_label_std: float = number(
        math.sqrt(0.5),
        at_least=0.001,
        at_most=100,
        meaning="soft_labels only: approximate standard deviation of a label in ln "
        "depth. The default is SORD's",
        also=("sigma",),
    )
    label_smoothing: float = number(
        0.1,
        at_least=0,
        below=1,
        meaning="label_smoothing only: probability mass that moves to the neighbouring "
        "bins",
        also=("smoothing",),
    )
    silog_weight: float = number(
        0.0,
        at_least=0,
        at_most=1000,
        meaning="weight of an added scale-invariant loss on the expected depth, with "
        "classification only",
    )
    mrkld: float = number(
        0.0,
        at_least=0,
        at_most=1000,
        meaning="weight of the divergence from uniform distributions, added at the "
        "pseudo-labelled pixels (MRKLD of CRST, Zou et al. 2019), with classification "
        "only",
        also=("kld", "regularizer", "confidence_regularization"),
    )
    pseudo_label_std: tuple[float, ...] = number(
        (),
        at_least=0.001,
        at_most=100,
        meaning="approximate standard deviation in ln depth of the pseudo-labels of "
        "each bin, which are then soft, with classification only. `adapt` sets it with "
        "`adapt.label=soft`. (): hard labels",
        may_be_empty=True,
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
        meaning="momentum of sgd, or beta1 of adamw",
        also=("beta1", "b1"),
    )
    weight_decay: float = number(
        5e-4, at_least=0, at_most=100, meaning="weight decay", also=("wd", "l2")
    )
    poly_power: float = number(
        0.9,
        at_least=0,
        at_most=100,
        meaning="power of the learning rate decay (1 - step / num_steps)^power",
        also=("lr_power", "gamma"),
    )
    schedule: Literal["poly", "cosine", "constant"] = option(
        "poly",
        meaning="how the learning rate decays to 0: poly (the paper's, by "
        "`train.poly_power`) or cosine. constant: not at all",
        also=("scheduler", "lr_schedule"),
    )
    warmup_steps: int = number(
        0,
        at_least=0,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="steps in which the learning rate rises linearly to its initial value. "
        "Fewer than `train.num_steps`",
        also=("warmup", "warmup_iters"),
    )
    clip_norm: float = number(
        0.0,
        at_least=0,
        at_most=1e9,
        meaning="norm of the whole gradient above which it is scaled down to it. 0: no "
        "limit",
        also=("clip", "grad_clip", "max_grad_norm"),
    )
    ema: float = number(
        0.0,
        at_least=0,
        below=1,
        meaning="decay per step of a running mean of the weights and statistics, which "
        "is then validated, evaluated and predicted with. 0: none",
        also=("ema_decay", "polyak", "averaging"),
    )
    head_lr_mult: float = number(
        10.0,
        at_least=0,
        at_most=10_000,
        meaning="learning rate multiplier of the head",
        also=("head_lr",),
    )
    backbone_lr_mult: float = number(
        1.0,
        at_least=0,
        at_most=10_000,
        meaning="learning rate multiplier of the backbone",
        also=("backbone_lr",),
    )
    freeze_at: int = number(
        0,
        at_least=0,
        at_most=5,
        unit="stages",
        meaning="number of frozen backbone stages: 1 freezes the stem, 2 also layer1, "
        "5 all. Running statistics of trained normalisation are still updated",
        also=("frozen_stages",),
    )
    log_every: int = number(
        50,
        at_least=1,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="steps between lines of metrics.jsonl",
        also=("print_freq", "log_freq"),
        free=True,
    )
    log_to: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = option(
        ("tensorboard",),
        meaning="trackers that get the metrics besides metrics.jsonl. wandb and mlflow "
        "read their settings from the environment",
        also=("logger", "loggers", "tracker", "report_to"),
        may_be_empty=True,
        free=True,
    )
    checkpoint_every: int = number(
        1000,
        at_least=1,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="steps between checkpoints",
        also=("save_every", "save_freq"),
        free=True,
    )
    keep_checkpoints: int = number(
        2,
        at_least=1,
        at_most=1_000_000,
        meaning="number of latest checkpoints to keep, besides the best",
        also=("max_to_keep",),
        free=True,
    )
    keep_every: int = number(
        0,
        at_least=0,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="keep the checkpoints at multiples of this step for good. 0: none",
        free=True,
    )
    max_bad_steps: int = number(
        10,
        at_least=1,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="training stops after this many consecutive steps with a non-finite "
        "loss or gradient, or without a valid pixel. Such steps change "
        "nothing",
        also=("nan",),
        free=True,
    )
    profile_steps: tuple[int, int] = number(
        (0, 0),
        at_least=0,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="first and last step to profile. (0, 0): none",
        free=True,
    )
