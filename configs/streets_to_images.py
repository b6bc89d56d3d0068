"""A network of rendered streets adapted to a folder of images, without any depth.

    python -m deepdepth_jax.adapt --from=RUN --config=configs/streets_to_images.py \
        --config.adapt.images=FOLDER --config.adapt.focal_px=721.5

Leave the focal length out to take that of each image's EXIF tags. The network is small
and its images are few, so a round takes as many source images as configs/streets.py has
in half an epoch. See docs/adaptation.md.

Expected: no gain from the labels on rendered streets. The statistics of normalisation
alone, which `train.learning_rate=0` and `adapt.rounds=1` adapt, closed 45% of the gap
to true depth there (docs/adaptation.md). Time: minutes for some hundred images of the
size that the network was trained on, on two CPU cores.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()
    config.data.dataset = "streets"  # the labelled source, also evaluated
    config.model.norm = "trained"
    config.augment.max_zoom = 1.0  # all images are brought to the same camera
    config.adapt.source_portion = 0.5
    config.adapt.source_portion_max = 0.5
    config.train.batch_size = 4
    config.train.crop = (96, 320)
    config.train.optimizer = "adamw"
    config.train.learning_rate = 1e-4
    config.train.schedule = "constant"
    config.train.weight_decay = 0.01
    config.train.head_lr_mult = 1.0
    config.train.mrkld = 0.1
    config.train.log_every = 20
    config.eval.crop = "none"
    config.eval.decode = "expectation"
    config.eval.batch_size = 4
    return config
