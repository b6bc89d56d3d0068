"""The sections `eval` and `crf`: how depth is predicted and measured."""

import dataclasses
from typing import Literal

from deepdepth_jax.config.data import GroundTruth
from deepdepth_jax.config.declare import number, option
from deepdepth_jax.config.fields import Section
from deepdepth_jax.config.network import FARTHEST_M
from deepdepth_jax.config.training import MOST_STEPS

Crop = Literal["garg", "eigen", "none"]
Decoding = Literal[
    "argmax", "argmax_geometric", "expectation", "median", "count", "absrel"
]
Compatibility = Literal["potts", "truncated_linear"]
Metric = Literal[
    "abs_rel",
    "sq_rel",
    "rmse",
    "rmse_log",
    "si_rmse_log",
    "silog",
    "log10",
    "d1",
    "d2",
    "d3",
    "irmse",
    "sq_rel_kitti",
]


ONE_VIEW = "temperature"
"""The name of the temperature of a network that sees each image once, as it is."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalConfig(Section):
    """Validation during training, evaluation and prediction."""

    every: int = number(
        5000,
        at_least=0,
        at_most=MOST_STEPS,
        unit="steps",
        meaning="steps between validations during training. 0: no validation",
        also=("eval_every", "val_every", "eval_freq", "val_interval"),
    )
    split: Literal["train", "val", "test"] = option(
        "test", meaning="split that --mode=evaluate evaluates"
    )
    ground_truth: GroundTruth = option(
        "improved",
        meaning="KITTI's ground truth for evaluation: improved (annotated maps) or "
        "projected lidar",
        also=("gt",),
    )
    crop: Crop = option("garg", meaning="crop whose pixels count", also=("garg_crop",))
    cap_m: float = number(
        80.0,
        above=0,
        at_most=FARTHEST_M,
        unit="m",
        meaning="depth cap. Pixels with ground truth at or beyond it do not count, and "
        "predictions are clipped to it",
        also=("max_depth", "max_depth_eval"),
    )
    min_m: float = number(
        1e-3,
        at_least=0,
        below=FARTHEST_M,
        unit="m",
        meaning="smallest depth. Pixels with ground truth at or below it do not "
        "count, and predictions are clipped to it",
        also=("min_depth", "min_depth_eval"),
    )
    decode: Decoding = option(
        "argmax",
        meaning="how depth is decoded from the distribution over bins",
        inherited=True,
    )
    flip: bool = option(
        False,
        meaning="average the probabilities with those of the mirrored image",
        also=("tta", "flip_test", "post_process"),
        inherited=True,
    )
    scales: tuple[float, ...] = number(
        (1.0,),
        at_least=0.1,
        at_most=10,
        meaning="average the probabilities over the image resized by these factors",
        also=("multi_scale",),
        inherited=True,
    )
    window: tuple[int, int] = number(
        (0, 0),
        at_least=0,
        at_most=16_384,
        unit="px",
        meaning="height and width, each >= 16, of the overlapping windows that tile "
        "larger images. (0, 0): the whole image at once",
        also=("tile", "sliding_window"),
    )
    batch_size: int = number(
        1,
        at_least=1,
        at_most=65_536,
        unit="images",
        meaning="images per prediction step",
    )
    best_metric: Metric = option(
        "abs_rel", meaning="validation metric that selects the best checkpoint"
    )
    figures: int = number(
        7, at_least=0, at_most=1000, unit="images", meaning="rows of the figure"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrfConfig(Section):
    """The fully connected CRF over the bins, used wherever depth is predicted."""

    enabled: bool = option(False, meaning="refine the distributions by the CRF")
    iterations: int = number(
        5,
        at_least=0,
        at_most=1000,
        meaning="mean-field iterations",
        also=("iters",),
    )
    smoothness_weight: float = number(
        1.0, at_least=0, at_most=100_000, meaning="weight of the kernel over positions"
    )
    theta_gamma_px: float = number(
        3.0,
        at_least=0.01,
        at_most=100_000,
        unit="px",
        meaning="standard deviation of the kernel over positions",
        also=("gamma",),
    )
    appearance_weight: float = number(
        3.0,
        at_least=0,
        at_most=100_000,
        meaning="weight of the kernel over positions and colours",
    )
    theta_alpha_px: float = number(
        40.0,
        at_least=0.01,
        at_most=100_000,
        unit="px",
        meaning="standard deviation in position of the kernel over positions and "
        "colours",
        also=("alpha",),
    )
    theta_beta: float = number(
        8.0,
        at_least=0.01,
        at_most=100_000,
        unit="levels of 255",
        meaning="standard deviation in each colour of the kernel over positions and "
        "colours",
        also=("beta",),
    )
    compatibility: Compatibility = option(
        "truncated_linear",
        meaning="label compatibility, relative to the kernel weight: potts costs 1 for "
        "different bins, truncated_linear costs their distance over "
        "`truncation_bins`, at most 1",
    )
    truncation_bins: int = number(
        10,
        at_least=1,
        at_most=254,
        unit="bins",
        meaning="bin distance at which truncated_linear saturates",
    )
