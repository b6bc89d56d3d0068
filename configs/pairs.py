"""Your own images and depth maps, with the paper's recipe.

    python -m deepdepth_jax.main --config=configs/pairs.py \
        --config.data.pairs.manifest=pairs.csv --config.data.pairs.depth_unit_m=0.001

The manifest lists which image and which depth file belong together. README says how,
in "Train on your own pairs". `python -m deepdepth_jax.check_data` with the same
arguments tells first whether all is there, and how depth falls into the bins: set
`bins.max_depth_m` and `eval.cap_m` to what your scenes need.

Expected: depends on the data. Time: that of configs/kitti.py for as many steps.
"""

from ml_collections import ConfigDict

from deepdepth_jax.config import default_config


def get_config() -> ConfigDict:
    """Builds the configuration."""
    config = default_config()  # the paper's
    config.data.dataset = "pairs"
    config.model.pretrained = "keras/resnet101"  # downloaded once; stride on the 1x1
    config.eval.crop = "none"
    return config
