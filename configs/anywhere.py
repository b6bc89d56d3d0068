"""A network for other people's images, from rendered scenes alone.

    python -m deepdepth_jax.main --config=configs/anywhere.py

The recipe of the network that comes with the package, and not a paper's. A ResNet-18 of
three quarters of its width learns from 24 000 scenes of the wide world
(docs/worlds.md): no two share a camera, a sky or a street. It starts from noise, so
that the network owes nothing to anybody's images. A decoder leads the features of
stride 32 back to stride 4, which costs what a dilated backbone costs. Depth is
predicted for one focal length, that of a KITTI image reduced to 320 columns, and scaled
by the camera's own.

Expected: docs/model_card.md, which also says how the shipped file's training differed.

Time: 2 h to render the scenes, once, and 1.7 h to train, on two CPU cores.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()
    config.data.dataset = "streets"
    config.data.streets.world = "wide"
    config.data.streets.train_scenes = 24_000
    config.data.streets.val_scenes = 100
    config.data.streets.test_scenes = 200
    config.data.streets.sky_m = 1000.0
    config.data.canonical_focal_px = 185.9  # KITTI's 721.5 px at 320 of 1242 columns
    config.model.backbone = "resnet18"
    config.model.width = 48
    config.model.output_stride = 32
    config.model.decoder_width = 64
    config.model.norm = "trained"
    config.model.aspp_rates = (1, 2, 3, 6)  # the feature map has 3 x 10 places
    config.augment.max_zoom = 1.2
    config.augment.colour_probability = 0.8
    config.augment.gamma_range = 0.2
    config.augment.brightness_range = 0.2
    config.augment.gain_range = 0.15
    config.train.beyond = "last_bin"
    config.train.batch_size = 8
    config.train.crop = (96, 320)
    config.train.num_steps = 20_000
    config.train.optimizer = "adamw"
    config.train.learning_rate = 1e-3
    config.train.schedule = "cosine"
    config.train.warmup_steps = 300
    config.train.weight_decay = 0.01
    config.train.head_lr_mult = 1.0
    config.train.clip_norm = 5.0
    config.train.ema = 0.999
    config.train.log_every = 20
    config.train.checkpoint_every = 500
    config.eval.every = 4000
    config.eval.crop = "none"
    config.eval.decode = "median"
    config.eval.flip = True
    config.eval.scales = (1.0, 1.3)
    config.eval.batch_size = 4
    return config
