"""Every field of the configuration, what it means, and its default: the paper's recipe.

A config file is a Python file with a function `get_config()` that takes
`default_config()` and changes what it must; see `configs/`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ml_collections import ConfigDict, config_dict

DATASETS = ("kitti", "pairs", "streets", "synthia")

AUGMENTATIONS: Mapping[str, Mapping] = MappingProxyType(
    {
        name: MappingProxyType(
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
        for name, changed in {
            "none": dict(flip_probability=0.0),
            "flip": {},
            # Eigen et al. 2014, for KITTI with the paper's footnote.
            "eigen_kitti": dict(max_zoom=1.2, colour_probability=1.0, gain_range=0.2),
            "eigen_nyu": dict(
                max_zoom=1.5, rotation_deg=5.0, colour_probability=1.0, gain_range=0.2
            ),
            # BTS (Lee et al. 2019) as released for KITTI; its crop is 352 x 704.
            "bts": dict(
                rotation_deg=1.0,
                colour_probability=0.5,
                gamma_range=0.1,
                brightness_range=0.1,
                gain_range=0.1,
            ),
        }.items()
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
                # One of DATASETS: learnt from, validated and evaluated on.
                "dataset": "streets",
                # The folder that holds KITTI or SYNTHIA as unpacked.
                "root": "",
                # Where records are kept that were prepared from it.
                "prepared_dir": "runs/prepared",
                # Prepare with Apache Beam, with these options of its pipelines; empty
                # to prepare on this machine.
                "beam_options": "",
                # Weights of the data sets to learn from; all 0: from `dataset` alone.
                "mixture": dict.fromkeys(DATASETS, 0.0),
                # Learn depth as seen through a lens of this focal length, and scale
                # predictions back to the picture's own; 0: learn depth as it is.
                "canonical_focal_px": 0.0,
                "kitti": {
                    # Its own folder, where it is not `data.root`.
                    "root": "",
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
                    # Lists of frames in place of the Eigen split's; see kitti/lists.py.
                    "train_list": "",
                    "val_list": "",
                    "test_list": "",
                    # Project lidar with the small errors that most published figures
                    # on lidar ground truth were measured with.
                    "legacy_lidar": False,
                },
                "pairs": {
                    # A .jsonl or .csv file that lists pictures and their depth.
                    "manifest": "",
                    # Metres that one unit of the depth files stands for.
                    "depth_unit_m": 1.0,
                },
                "streets": {
                    "train_scenes": 600,
                    "val_scenes": 20,
                    "test_scenes": 60,
                    "height": 96,
                    "width": 320,
                },
                "synthia": {
                    # Its own folder, where it is not `data.root`.
                    "root": "",
                    # Of its camera, which the data set does not tell; 0: unknown.
                    "focal_px": 0.0,
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
                # One of heads.HEADS: classification (the paper's), ordinal (DORN's) or
                # regression.
                "head": "classification",
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
                # See augment.Augmentation.
                "max_zoom": config_dict.placeholder(float),
                "rotation_deg": config_dict.placeholder(float),
                "flip_probability": config_dict.placeholder(float),
                "colour_probability": config_dict.placeholder(float),
                "gamma_range": config_dict.placeholder(float),
                "brightness_range": config_dict.placeholder(float),
                "gain_range": config_dict.placeholder(float),
            },
            "train": {
                # Over all devices.
                "batch_size": 3,
                # In so many parts each device takes its share, one after the other.
                "accumulate": 1,
                # What the network computes in: float32 or bfloat16. Parameters,
                # statistics and the loss are float32.
                "precision": "float32",
                # What is computed again for the gradient, to save memory: none,
                # selective (the last convolution of each block) or full.
                "remat": "none",
                # Height and width; smaller pictures are padded.
                "crop": (420, 800),
                "num_steps": 100_000,
                # One of objective.LOSSES of the head, its first one if it is not given:
                # cross_entropy, soft_labels or label_smoothing of classification;
                # ordinal; silog or berhu of regression.
                "loss": config_dict.placeholder(str),
                # Of soft_labels: about their standard deviation in ln depth. The
                # default is that of SORD's paper.
                "soft_label_std": 0.5**0.5,
                # Of label_smoothing: the share of a label that its neighbours get.
                "label_smoothing": 0.1,
                # Times which SILog of the expected depth is added to a loss of
                # classification.
                "silog_weight": 0.0,
                # sgd (the paper's) or adamw.
                "optimizer": "sgd",
                "learning_rate": 2.5e-4,
                "momentum": 0.9,
                "weight_decay": 5e-4,
                "poly_power": 0.9,
                "head_lr_mult": 10.0,
                "backbone_lr_mult": 1.0,
                # So many of the backbone's stages stay as they are: 1 the stem, 2
                # layer1 too, and so on to 5. Running statistics of trained
                # normalisation move all the same.
                "freeze_at": 0,
                "log_every": 50,
                "checkpoint_every": 1000,
                # The last so many checkpoints are kept, and the best; besides them
                # every one whose step keep_every divides (0: no more).
                "keep_checkpoints": 2,
                "keep_every": 0,
                # Stop after so many steps in a row whose loss or gradient was not
                # finite; they change nothing.
                "max_bad_steps": 10,
                # First and last step of a profile to take; (0, 0): none.
                "profile_steps": (0, 0),
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
                # Average, as probabilities, over the picture at these sizes.
                "scales": (1.0,),
                # Height and width of the overlapping windows that larger pictures are
                # predicted by; (0, 0): as a whole.
                "window": (0, 0),
                "batch_size": 1,
                # The validation metric that the best checkpoint is best by.
                "best_metric": "abs_rel",
                # Pictures on the figure sheet.
                "figures": 7,
            },
            # The fully connected CRF, wherever depth is predicted; see crf/options.py.
            "crf": {
                "enabled": False,
                "iterations": 5,
                # Of the kernel over positions, and its standard deviation.
                "smoothness_weight": 1.0,
                "theta_gamma_px": 3.0,
                # Of the kernel over positions and colours, its standard deviation in
                # position, and that in each colour, in levels of 255.
                "appearance_weight": 3.0,
                "theta_alpha_px": 40.0,
                "theta_beta": 8.0,
                # What two bins cost beside each other: potts, 1 unless they are the
                # same; or truncated_linear, their distance, up to truncation_bins.
                "compatibility": "truncated_linear",
                "truncation_bins": 10,
            },
        }
    ).lock()
