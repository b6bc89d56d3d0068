"""The section `data`: the data sets of training, validation and evaluation."""

import dataclasses
from typing import Literal

from deepdepth_jax.config.declare import number, option
from deepdepth_jax.config.fields import Section

Dataset = Literal["kitti", "pairs", "streets", "synthia"]
GroundTruth = Literal["improved", "lidar"]
UntaggedDepth = Literal["refuse", "upright", "as_image"]
World = Literal["streets", "wide", "evening"]

LEAST_FOCAL_PX, LARGEST_FOCAL_PX = 1, 100_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class MixtureConfig(Section):
    """Sampling weights of the training sets. All 0: `data.dataset` alone."""

    kitti: float = number(
        0.0, at_least=0, at_most=1_000_000, meaning="weight of KITTI's training frames"
    )
    pairs: float = number(
        0.0, at_least=0, at_most=1_000_000, meaning="weight of the manifest's pairs"
    )
    pseudo: float = number(
        0.0,
        at_least=0,
        at_most=1_000_000,
        meaning="weight of the pseudo-labelled images",
    )
    streets: float = number(
        0.0, at_least=0, at_most=1_000_000, meaning="weight of the rendered scenes"
    )
    synthia: float = number(
        0.0, at_least=0, at_most=1_000_000, meaning="weight of SYNTHIA's frames"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class KittiConfig(Section):
    """KITTI's raw data, and its improved (annotated) depth maps."""

    root: str = option("", meaning="folder of KITTI. Empty: `data.root`", free=True)
    ground_truth: GroundTruth = option(
        "improved",
        meaning="ground truth for training: improved (annotated maps) or projected "
        "lidar",
        also=("gt", "depth_source"),
    )
    cameras: tuple[Literal[2, 3], ...] = option(
        (2,), meaning="cameras to train on: 2 is the left colour camera, 3 the right"
    )
    validation_drives: tuple[str, ...] = option(
        (
            "2011_09_26_drive_0005",
            "2011_09_26_drive_0022",
            "2011_09_26_drive_0079",
            "2011_09_28_drive_0001",
        ),
        meaning="training drives held out for validation",
        also=("val_drives",),
        may_be_empty=True,
    )
    train_list: str = option(
        "",
        meaning="list of the training frames. Empty: the Eigen split's",
        also=("filenames_file", "split_file"),
    )
    val_list: str = option(
        "", meaning="list of the validation frames. Empty: the Eigen split's"
    )
    test_list: str = option(
        "", meaning="list of the test frames. Empty: the Eigen split's"
    )
    legacy_lidar: bool = option(
        False,
        meaning="project lidar with the small errors of most published evaluations",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairsConfig(Section):
    """The user's own images and depth maps."""

    manifest: str = option(
        "",
        meaning=".jsonl or .csv file that lists images and their depth files",
        also=("csv", "jsonl", "list"),
    )
    depth_unit_m: float = number(
        1.0,
        above=0,
        at_most=1000,
        unit="m",
        meaning="length of one unit of the depth files",
        also=("depth_scale",),
    )
    untagged_depth: UntaggedDepth = option(
        "refuse",
        meaning="handling of depth maps without an orientation tag whose image has "
        "one: refuse those that fit both ways, read them as upright, or turn "
        "them as_image",
        also=("orientation", "exif"),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PseudoConfig(Section):
    """Images with pseudo-labels, as `adapt` writes them. They can be learnt from."""

    manifest: str = option(
        "",
        meaning="manifest of images and pseudo-labels in 16-bit PNG, metres x 256",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreetsConfig(Section):
    """Rendered street scenes."""

    world: World = option(
        "streets",
        meaning="world of the scenes: streets, the far more varied wide, or evening, "
        "the same streets in other light, paint and camera",
        also=("preset",),
    )
    train_scenes: int = number(
        600, at_least=1, at_most=1_000_000, meaning="number of training scenes"
    )
    val_scenes: int = number(
        20, at_least=0, at_most=1_000_000, meaning="number of validation scenes"
    )
    test_scenes: int = number(
        60, at_least=0, at_most=1_000_000, meaning="number of test scenes"
    )
    height: int = number(
        96, at_least=16, at_most=4096, unit="px", meaning="height of the images"
    )
    width: int = number(
        320, at_least=16, at_most=4096, unit="px", meaning="width of the images"
    )
    sky_m: float = number(
        0.0,
        at_least=1,
        at_most=1e6,
        or_zero=True,
        unit="m",
        meaning="depth of the sky in training. Evaluation never counts it. 0: none",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SynthiaConfig(Section):
    """SYNTHIA-RAND-CITYSCAPES."""

    root: str = option("", meaning="folder of SYNTHIA. Empty: `data.root`", free=True)
    focal_px: float = number(
        0.0,
        at_least=LEAST_FOCAL_PX,
        at_most=LARGEST_FOCAL_PX,
        or_zero=True,
        unit="px",
        meaning="focal length of the images, which SYNTHIA does not state. 0: unknown",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig(Section):
    """The data of training, validation and evaluation."""

    dataset: Dataset = option(
        "streets",
        meaning="data set to train, validate and evaluate on",
        also=("data", "name"),
    )
    root: str = option(
        "",
        meaning="folder of the unpacked KITTI or SYNTHIA",
        also=("path", "folder", "dir", "data_path"),
        free=True,
    )
    prepared_dir: str = option(
        "runs/prepared",
        meaning="folder for prepared records",
        also=("cache_dir", "data_dir"),
        free=True,
    )
    beam_options: str = option(
        "",
        meaning="options of the Apache Beam pipeline that prepares records. Empty: "
        "prepare on this machine",
        free=True,
    )
    mixture: MixtureConfig
    canonical_focal_px: float = number(
        0.0,
        at_least=LEAST_FOCAL_PX,
        at_most=LARGEST_FOCAL_PX,
        or_zero=True,
        unit="px",
        meaning="canonical focal length. Training depth is scaled to it, and "
        "predictions are scaled back to each image's focal length. 0: depth "
        "is not scaled",
        inherited=True,
    )
    kitti: KittiConfig
    pairs: PairsConfig
    pseudo: PseudoConfig
    streets: StreetsConfig
    synthia: SynthiaConfig
