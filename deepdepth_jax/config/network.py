"""The sections `bins` and `model`: the classes of depth, and the network."""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from deepdepth_jax.config.declare import number, option
from deepdepth_jax.config.fields import Section

BinPreset = Literal["paper", "paper_ud", "dorn_release", "pytorch_dorn"]
BinKind = Literal["sid", "ud"]
Backbone = Literal["tiny", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
HeadName = Literal["classification", "ordinal", "regression"]
Norm = Literal["frozen", "trained"]
StrideOn = Literal["1x1", "3x3"]
Convention = Literal["imagenet_rgb", "caffe_bgr", "deeplab_bgr"]

FARTHEST_M = 100_000
"""The largest depth that bins or an evaluation may reach."""

BIN_PRESETS: Mapping[BinPreset, Mapping[str, Any]] = MappingProxyType(
    {
        "paper": dict(kind="sid", num_bins=71, min_depth_m=1.0, max_depth_m=80.0),
        "paper_ud": dict(kind="ud", num_bins=71, min_depth_m=1.0, max_depth_m=80.0),
        # After DORN's released KITTI network, whose 71 thresholds decode to 72 depths,
        # exp((count + 39) / 25): the geometric centers here are the first 71 of them.
        # Its training code is not public, so its own edges are not certain.
        "dorn_release": dict(
            kind="sid",
            num_bins=71,
            min_depth_m=4.664,
            max_depth_m=4.664 * math.exp(0.04 * 71),
        ),
        # Kept only to reproduce others: 54 of the 80 bins lie below 2 m.
        "pytorch_dorn": dict(
            kind="sid", num_bins=80, min_depth_m=0.001, max_depth_m=80.0
        ),
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BinsConfig(Section):
    """The depth bins, which are the classes of the network."""

    preset: BinPreset = option(
        "paper",
        meaning="preset for the unset fields of this section",
        inherited=True,
    )
    kind: BinKind = option(
        None,
        meaning="spacing: sid is uniform in log depth, ud is uniform in depth",
        also=("discretization", "mode"),
    )
    num_bins: int = number(
        None,
        at_least=2,
        at_most=254,  # 255 is the label of pixels that are ignored
        meaning="number of bins",
        also=("classes", "num_classes", "k", "ord_num"),
    )
    min_depth_m: float = number(
        None,
        at_least=0,
        below=FARTHEST_M,
        unit="m",
        meaning="near edge of the first bin. Nearer depths belong to this bin",
        also=("alpha",),
    )
    max_depth_m: float = number(
        None,
        above=0,
        at_most=FARTHEST_M,
        unit="m",
        meaning="far edge of the last bin. Farther depths are ignored",
        also=("beta",),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(Section):
    """The network: DeepLab v2 on a dilated ResNet."""

    backbone: Backbone = option(
        "resnet101",
        meaning="ResNet variant",
        inherited=True,
        also=("architecture", "arch", "encoder", "network", "resnet"),
    )
    head: HeadName = option(
        "classification",
        meaning="how the output encodes depth: classification (the paper's), ordinal "
        "(DORN's) or regression of log depth",
        inherited=True,
    )
    width: int = number(
        64,
        at_least=1,
        at_most=1024,
        unit="channels",
        meaning="channels of the first stage. The published network has 64",
        inherited=True,
        also=("channels",),
    )
    output_stride: Literal[8, 16, 32] = option(
        8,
        meaning="output stride: input pixels per output pixel",
        inherited=True,
        also=("os",),
    )
    norm: Norm = option(
        "frozen",
        meaning="batch normalisation: frozen at the pretrained statistics, or trained "
        "and synchronised over all devices",
        inherited=True,
        also=("bn", "batch_norm"),
    )
    stride_on: StrideOn | None = option(
        None,
        meaning="convolution with the stride of a bottleneck block: 1x1 (Caffe, "
        "Keras) or 3x3 (torchvision). Unset: as in the pretrained weights, or "
        "1x1",
    )
    aspp_rates: tuple[int, ...] = number(
        (6, 12, 18, 24),
        at_least=1,
        at_most=1024,
        meaning="dilation rates of the head's parallel 3x3 convolutions",
        inherited=True,
        also=("dilations", "atrous_rates"),
    )
    decoder_width: int = number(
        0,
        at_least=0,
        at_most=1024,
        unit="channels",
        meaning="channels of a decoder that sharpens the features to a stride of 4 "
        "with the backbone's finer ones, as U-Net does. 0: none, as in the paper",
        inherited=True,
        also=("decoder", "skip", "unet"),
    )
    input_convention: Convention | None = option(
        None,
        meaning="colour order and normalisation of the network's input. Unset: as in "
        "the pretrained weights, or imagenet_rgb",
        also=("mean", "std", "normalization"),
    )
    pretrained: str = option(
        "",
        meaning="weights to start from: a trained depth network (the folder of a run, "
        "RUN/checkpoints/STEP, a file of `convert --input=RUN`, hub:user/name, or "
        "anywhere, the network that comes with the package), or "
        "a backbone (a converted file, or the name of a public checkpoint such as "
        "keras/resnet101). Empty: random initialisation",
        also=("weights", "checkpoint", "init", "load_from"),
    )
    pretrained_override: bool = option(
        False,
        meaning="keep `stride_on`, `input_convention` and `data.canonical_focal_px` "
        "even if the pretrained weights were trained with others",
    )
