"""Rendered street scenes: a small network from scratch, on a laptop, in minutes.

    python -m deepdepth_jax.main --config=configs/streets.py

Not a paper's recipe. A narrow ResNet-18 with DeepLab v2's head at output stride 16
learns from 600 scenes of 96 x 320 and is tested on 60 others. AdamW, because from
scratch and in so few steps SGD gets nowhere near as far.

Expected: AbsRel .157, RMSE 6.02 m, d1 .803 on the test scenes. The median of the
training depths at each place gives AbsRel .367.

Time: 4 min on two CPU cores.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()
    config.data.dataset = "streets"
    config.model.backbone = "resnet18"
    config.model.width = 32
    config.model.output_stride = 16
    config.model.norm = "trained"
    config.model.aspp_rates = (1, 3, 6, 12)  # the feature map has 7 x 21 places
    config.augment.max_zoom = 1.0  # all images are of the same camera
    config.train.batch_size = 4
    config.train.crop = (96, 320)
    config.train.num_steps = 1200
    config.train.optimizer = "adamw"
    config.train.learning_rate = 1e-3
    config.train.weight_decay = 0.01
    config.train.head_lr_mult = 1.0
    config.train.log_every = 20
    config.train.checkpoint_every = 300
    config.eval.every = 300
    config.eval.crop = "none"
    config.eval.decode = "expectation"
    config.eval.batch_size = 4
    return config
