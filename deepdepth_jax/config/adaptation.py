"""The section `adapt`: self-training on images without depth."""

import dataclasses
from typing import Literal

from deepdepth_jax.config.data import LARGEST_FOCAL_PX, LEAST_FOCAL_PX
from deepdepth_jax.config.declare import number, option
from deepdepth_jax.config.fields import Section

Policy = Literal["class_balanced", "global"]
Labelling = Literal["argmax", "median", "reweighted", "soft"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdaptConfig(Section):
    """Self-training on images without depth, by `deepdepth_jax.adapt` alone.

    The defaults are those of CBST (Zou et al. 2018) and CRST (Zou et al. 2019), except
    for the window and the smoothing, which are for ordered bins.
    """

    images: str = option(
        "",
        meaning="folder of the target's images. Empty: the training images of "
        "`data.dataset`, whose depth is not read",
        also=("target", "folder", "unlabelled", "unlabeled"),
    )
    focal_px: float = number(
        0.0,
        at_least=LEAST_FOCAL_PX,
        at_most=LARGEST_FOCAL_PX,
        or_zero=True,
        unit="px",
        meaning="focal length of all images of `adapt.images`. 0: from EXIF tags",
    )
    focal_mm35: float = number(
        0.0,
        at_least=1,
        at_most=1200,
        or_zero=True,
        unit="mm",
        meaning="the same as 35 mm equivalent, in place of `adapt.focal_px`",
    )
    rounds: int = number(
        3,
        at_least=1,
        at_most=1000,
        unit="rounds",
        meaning="rounds of labelling and training",
    )
    epochs: float = number(
        2.0,
        above=0,
        at_most=1e6,
        or_zero=True,
        unit="epochs",
        meaning="length of a round's training: passes over the labelled target images "
        "and their share of source images. 0: `train.num_steps`",
    )
    policy: Policy = option(
        "class_balanced",
        meaning="class_balanced: each bin has a threshold of its own, so that the same "
        "portion of each is selected. global: one threshold for all",
        also=("balanced",),
    )
    portion: float = number(
        0.2,
        above=0,
        at_most=1,
        meaning="portion of the pixels of a bin (or of all) to select in the first "
        "round",
        also=("tgt_portion", "init_tgt_port"),
    )
    portion_step: float = number(
        0.05, at_least=0, at_most=1, meaning="added to the portion in each round"
    )
    portion_max: float = number(
        0.5, above=0, at_most=1, meaning="largest portion, >= `adapt.portion`"
    )
    source_portion: float = number(
        0.02,
        above=0,
        at_most=1,
        meaning="source images of an epoch in the first round, as a portion of all",
        also=("src_portion", "init_src_port"),
    )
    source_portion_step: float = number(
        0.0025, at_least=0, at_most=1, meaning="added to it in each round"
    )
    source_portion_max: float = number(
        0.06, above=0, at_most=1, meaning="largest portion, >= `adapt.source_portion`"
    )
    window_bins: int = number(
        3,
        at_least=1,
        at_most=253,
        unit="bins",
        meaning="confidence is the probability of so many bins about the label, an odd "
        "number. 1: of the label's bin alone, as in CBST",
    )
    smoothing_bins: int = number(
        5,
        at_least=1,
        at_most=253,
        unit="bins",
        meaning="thresholds are averaged, as logarithms, over so many neighbouring "
        "bins, an odd number. 1: not at all, as in CBST",
    )
    label: Labelling = option(
        "argmax",
        meaning="label of a pixel: argmax is the most probable bin, median that of the "
        "median depth, reweighted the bin whose confidence is the largest multiple of "
        "its threshold, as in CBST. soft is argmax with labels as wide as LRENT's",
    )
    lrent: float = number(
        0.25,
        at_least=0.01,
        at_most=1,
        meaning="soft only: weight of the label entropy (LRENT of CRST, Zou et al. "
        "2019). Labels are the probabilities to the power of 1 / lrent",
        also=("lr_weight_ent", "label_entropy"),
    )
    row_prior: bool = option(
        False,
        meaning="multiply the probabilities to label with a prior of each bin over the "
        "rows of an image, from the labels of the source, as CBST does over places",
        also=("spatial_prior", "with_prior"),
    )
    mining_probability: float = number(
        0.8,
        at_least=0,
        at_most=1,
        meaning="probability of placing a training crop on a pixel of a rare bin",
        also=("mine_chance",),
    )
    rare_bins: int = number(
        3,
        at_least=0,
        at_most=64,
        unit="bins",
        meaning="so many bins with the fewest selected pixels are rare",
        also=("mine_id_number",),
    )
    rare_share: float = number(
        1e-3,
        at_least=0,
        at_most=1,
        meaning="bins with a smaller share of the selected pixels are rare, too",
        also=("mine_thresh",),
    )
    flip: bool = option(
        True,
        meaning="average the probabilities with those of the mirrored image to label",
    )
