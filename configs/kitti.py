"""KITTI as in the paper: DeepLab v2 with ResNet-101 on the Eigen split.

    python -m deepdepth_jax.main --config=configs/kitti.py --config.data.root=KITTI

Oluwafemi, Zou, Vijaya Kumar, "Deep Classification Network for Monocular Depth
Estimation", 2019: 71 SID bins over 1 to 80 m, crops of 420 x 800, batches of 3, 100 000
steps of SGD, ImageNet weights, frozen normalisation.

Expected (the paper's table. Not yet run here to the end): AbsRel .075, RMSE 2.499,
scale-invariant RMSE(log) .156, d1 .796. Its d1 does not go with its AbsRel: a log error
of .156 means an AbsRel near .125. Do not tune towards d1.

Time: the paper used one 12 GB TITAN Xp. docs/results.md has what a step costs on a CPU.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()  # the paper's
    config.data.dataset = "kitti"
    config.model.pretrained = "keras/resnet101"  # downloaded once; stride on the 1x1
    return config
