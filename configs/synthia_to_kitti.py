"""A network of SYNTHIA adapted to KITTI's training images, without their depth.

    python -m deepdepth_jax.adapt --from=RUN --config=configs/synthia_to_kitti.py \
        --config.data.synthia.root=SYNTHIA --config.data.kitti.root=KITTI

Class-balanced self-training (Zou et al. 2018) with the regulariser and the constant
learning rate of Zou et al. (2019), in the words of depth: docs/adaptation.md. RUN has
learned from SYNTHIA, such as configs/synthia.py trains. Metric scale cannot be found
without depth. Both cameras should be known then: train RUN with
`data.canonical_focal_px`, and set `data.synthia.focal_px`.

Expected: not yet measured. Time: three rounds, each of two passes of the network over
the target's images, and of two epochs of training on them.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()
    config.data.dataset = "kitti"  # the target
    config.data.mixture.synthia = 1.0  # the labelled source
    config.train.learning_rate = 5e-5
    config.train.schedule = "constant"
    config.train.mrkld = 0.1
    return config
