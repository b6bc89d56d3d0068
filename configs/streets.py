"""Rendered street scenes: a small network from scratch on a laptop.

python -m deepdepth_jax.main --config=configs/streets.py
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()
    config.data.dataset = "streets"
    config.model.backbone = "resnet18"
    config.model.width = 32
    config.model.norm = "trained"
    config.model.aspp_rates = (1, 3, 6, 12)
    config.augment.preset = "eigen_kitti"
    config.train.batch_size = 4
    config.train.crop = (96, 320)
    config.train.num_steps = 800
    config.train.learning_rate = 0.01
    config.train.head_lr_mult = 1.0
    config.train.checkpoint_every = 200
    config.train.log_every = 20
    config.eval.every = 400
    config.eval.crop = "none"
    config.eval.decode = "expectation"
    config.eval.batch_size = 4
    return config
