"""SYNTHIA-RAND-CITYSCAPES as in the paper: DeepLab v2 with ResNet-101.

    python -m deepdepth_jax.main --config=configs/synthia.py \
        --config.data.root=SYNTHIA

Oluwafemi, Zou, Vijaya Kumar, "Deep Classification Network for Monocular Depth
Estimation", 2019. There is no official split and the paper names none: every tenth
frame is held out for the test, which the paper's numbers may not have been. The paper
also tested on crops of 420 x 800. Here whole frames of 760 x 1280 are evaluated.

Expected (the paper's table. Not yet run here to the end): AbsRel .108, RMSE 9.270,
scale-invariant RMSE(log) .206, d1 .785.

Time: the paper used one 12 GB TITAN Xp for 100 000 steps.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()  # the paper's
    config.data.dataset = "synthia"
    config.model.pretrained = "keras/resnet101"  # downloaded once; stride on the 1x1
    config.eval.crop = "none"
    return config
