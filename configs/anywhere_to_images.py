"""The network of the package adapted to a folder of street images, without any depth.

    deepdepth adapt --from=anywhere --config=configs/anywhere_to_images.py \
        --config.adapt.images=FOLDER --config.adapt.focal_px=721.5

Leave the focal length out to take that of each image's EXIF tags. The labelled source
is a tenth of the scenes that the network has learned from. Labels are the bins of the
median, by the confidence of eleven of them, and weights are averaged, as
docs/adaptation.md explains.

Expected: no gain on three KITTI drives (docs/adaptation.md). Time: 12 minutes to render
the scenes, once, and 2 minutes a round for some dozen images, on two CPU cores.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()
    config.data.dataset = "streets"  # the labelled source, also evaluated
    config.data.streets.world = "wide"
    config.data.streets.train_scenes = 2400
    config.data.streets.val_scenes = 20
    config.data.streets.test_scenes = 100
    config.data.streets.sky_m = 1000.0
    config.data.canonical_focal_px = 185.9  # as the network
    config.augment.max_zoom = 1.2
    config.augment.colour_probability = 0.8
    config.augment.gamma_range = 0.2
    config.augment.brightness_range = 0.2
    config.augment.gain_range = 0.15
    config.adapt.label = "median"
    config.adapt.window_bins = 11
    config.adapt.source_portion = 0.5
    config.adapt.source_portion_max = 0.5
    config.train.beyond = "last_bin"
    config.train.batch_size = 8
    config.train.crop = (96, 320)
    config.train.optimizer = "adamw"
    config.train.learning_rate = 1e-4
    config.train.schedule = "constant"
    config.train.weight_decay = 0.01
    config.train.head_lr_mult = 1.0
    config.train.clip_norm = 5.0
    config.train.ema = 0.99
    config.train.log_every = 20
    config.eval.crop = "none"
    config.eval.decode = "median"
    config.eval.batch_size = 4
    return config
