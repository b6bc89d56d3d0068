"""Your own images and depth maps, from the network that comes with the package.

    python -m deepdepth_jax.main --config=configs/tune.py \
        --config.data.pairs.manifest=pairs.csv --config.data.pairs.depth_unit_m=0.001

For few pairs: some dozen suffice. Every image needs its focal length, as a column
`focal_px` of the manifest. Images of any size may be listed: training shows them to the
network as evaluation and `predict` do. Crop, bins, normalisation and decoding are those
of the network. Set `model.pretrained` to start from another one, and more steps
(`train.num_steps`) for more pairs. docs/fine_tuning.md has what it gains, and what the
network forgets meanwhile.

Expected: six frames of a street of KITTI take the AbsRel of six others of it from
.090 to .054 (docs/fine_tuning.md). Time: a few minutes on two CPU cores.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()
    config.data.dataset = "pairs"
    config.model.pretrained = "anywhere"
    config.augment.preset = "flip"
    config.train.batch_size = 4
    config.train.num_steps = 60
    config.train.optimizer = "adamw"
    config.train.learning_rate = 3e-4
    config.train.weight_decay = 0.01
    config.train.head_lr_mult = 1.0
    config.train.log_every = 10
    config.eval.every = 0
    config.eval.crop = "none"
    config.eval.batch_size = 4
    return config
