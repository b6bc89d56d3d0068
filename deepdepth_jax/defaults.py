"""Every field of the configuration, what it means, and its default: the paper's recipe.

A config file is a Python file with a function `get_config()` that takes
`default_config()` and changes what it must; see `configs/`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ml_collections import ConfigDict, config_dict

DATASETS = ("kitti", "streets", "synthia")

AUGMENTATIONS: Mapping[str, Mapping] = MappingProxyType(
    {
        "none": dict(
            max_zoom=1.0, rotation_deg=0.0, colour_gain=0.0, flip_probability=0.0
        ),
        "flip": dict(
            max_zoom=1.0, rotation_deg=0.0, colour_gain=0.0, flip_probability=0.5
        ),
        # Eigen et al. 2014, with the paper's footnote for KITTI.
        "eigen_kitti": dict(
            max_zoom=1.2, rotation_deg=0.0, colour_gain=0.2, flip_probability=0.5
        ),
    }
)


def default_config() -> ConfigDict:
    """Builds the configuration that every config file starts from.

    A placeholder is a field that takes its value from the section's `preset` unless it
    is given.
    """
    return ConfigDict(
        {
            "seed": 0,
            "data": {
                # One of DATASETS.
                "dataset": "streets",
                # The folder that holds the data as unpacked; streets needs none.
                "root": "",
                # Where records are kept that were prepared from it.
                "prepared_dir": "runs/prepared",
                "kitti": {
                    # What training learns from: improved (annotated maps) or lidar.
                    "ground_truth": "improved",
                    # 2 is the left colour camera, 3 the right one.
                    "cameras": (2,),
                    # Whole training drives held out to choose a checkpoint by.
                    "validation_drives": (
                        "2011_09_26_drive_0005",
                        "2011_09_26_drive_0022",
                        "2011_09_26_drive_0079",
                        "2011_09_28_drive_0001",
                    ),
                },
                "streets": {
                    "train_scenes": 600,
                    "val_scenes": 20,
                    "test_scenes": 60,
                    "height": 96,
                    "width": 320,
                },
            },
            "bins": {
                # One of bins.PRESETS.
                "preset": "paper",
                "kind": config_dict.placeholder(str),
                "num_bins": config_dict.placeholder(int),
                "min_depth_m": config_dict.placeholder(float),
                "max_depth_m": config_dict.placeholder(float),
            },
            "model": {
                # One of resnet.ARCHITECTURES.
                "backbone": "resnet101",
                # Channels of the first stage; 64 is the published network.
                "width": 64,
                "output_stride": 8,
                # frozen: as loaded with the weights; trained: over all devices.
                "norm": "frozen",
                # Where a block has its stride: 1x1 (Caffe, Keras) or 3x3 (torchvision).
                # As the pretrained weights had it, or 1x1.
                "stride_on": config_dict.placeholder(str),
                "aspp_rates": (6, 12, 18, 24),
                # One of input_convention.CONVENTIONS.
                # As the pretrained weights had it, or imagenet_rgb.
                "input_convention": config_dict.placeholder(str),
                # A file of converted backbone weights, or the name of a public
                # checkpoint such as keras/resnet101; empty to start from noise.
                "pretrained": "",
                # Take the two fields above as they are given, even where the
                # pretrained weights were trained otherwise.
                "pretrained_override": False,
            },
            "augment": {
                # One of AUGMENTATIONS.
                "preset": "eigen_kitti",
                # The picture grows by a factor in [1, max_zoom], depth shrinks by it.
                "max_zoom": config_dict.placeholder(float),
                # Rotation by an angle in [-rotation_deg, rotation_deg].
                "rotation_deg": config_dict.placeholder(float),
                # Each colour times a factor in [1 - colour_gain, 1 + colour_gain].
                "colour_gain": config_dict.placeholder(float),
                "flip_probability": config_dict.placeholder(float),
            },
            "train": {
                # Over all devices.
                "batch_size": 3,
                # Height and width; smaller pictures are padded.
                "crop": (420, 800),
                "num_steps": 100_000,
                # sgd (the paper's) or adamw.
                "optimizer": "sgd",
                "learning_rate": 2.5e-4,
                "momentum": 0.9,
                "weight_decay": 5e-4,
                "poly_power": 0.9,
                "head_lr_mult": 10.0,
                "backbone_lr_mult": 1.0,
                "log_every": 50,
                "checkpoint_every": 1000,
                "keep_checkpoints": 2,
            },
            "eval": {
                # Validate during training at every so many steps; 0: never.
                "every": 5000,
                # What --mode=evaluate looks at: train, val or test.
                "split": "test",
                # KITTI's ground truth for evaluation: improved or lidar.
                "ground_truth": "improved",
                "crop": "garg",
                "cap_m": 80.0,
                "min_m": 1e-3,
                "decode": "argmax",
                # Average with the mirrored picture's result, as probabilities.
                "flip": False,
                "batch_size": 1,
                # The validation metric that the best checkpoint is best by.
                "best_metric": "abs_rel",
                # Pictures on the figure sheet.
                "figures": 6,
            },
        }
    ).lock()
