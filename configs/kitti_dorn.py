"""KITTI with DORN's head and recipe, on this repository's network.

    python -m deepdepth_jax.main --config=configs/kitti_dorn.py \
        --config.data.root=KITTI

Fu, Gong, Wang, Batmanghelich, Tao, "Deep Ordinal Regression Network for Monocular Depth
Estimation", 2018. From the network that its authors released (hufu6371/DORN): two
logits for each of 71 SID thresholds of ratio e^0.04 from 4.66 m on. Depth by counting
thresholds. Inputs of 385 x 513, images by overlapping windows of that size. Frozen
normalisation, stem and first stage as they were. The head ten times as fast. From
reimplementations of the paper, which agree: SGD with a rate of 1e-4 that decays with
power 0.9, momentum 0.9, decay 5e-4, batches of 3, 300 000 steps.

What is not DORN's: the network is DeepLab v2 (DORN adds a full-image encoder and cross-
channel layers, and its stem has three convolutions). Biases of the head are decayed and
learn ten times as fast, not twenty times without decay. Images are not stretched to a
height of 385. Where windows overlap, by a quarter and not a half, depth is averaged and
not the count. Depths before 4.66 m count as the first bin.

What is not known: DORN's training code is not public, so its labels are not. Its decode
has 72 values for 71 thresholds, exp((count + 39) / 25), from 4.759 to 81.45 m. The bins
here have the first 71 of these values as their geometric centres and end at 79.8 m. If
its label is round(25 ln d) - 40, bins run from 4.855 to 83.10 m instead:
--config.bins.min_depth_m=4.855 --config.bins.max_depth_m=83.10.

Evaluated on improved maps, as configs/kitti.py: 652 of the 697 test frames have one.
--config.eval.ground_truth=lidar evaluates on raw lidar, which is another benchmark.

Expected: not run here. The paper reports, for ResNet-101, AbsRel .072, RMSE 2.727,
RMSE(log) .120, d1 .932. These are no figures on raw lidar: on the 652 improved maps a
public re-evaluation of the released network finds an RMSE of 2.888.

Time: three times the steps of configs/kitti.py, on crops of 59% of the size.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()
    config.data.dataset = "kitti"
    config.bins.preset = "dorn_release"
    config.model.head = "ordinal"
    config.model.pretrained = "keras/resnet101"
    config.train.crop = (385, 513)
    config.train.num_steps = 300_000
    config.train.learning_rate = 1e-4
    config.train.freeze_at = 2
    config.eval.decode = "count"
    config.eval.window = (385, 513)
    return config
