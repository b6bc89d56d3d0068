"""The config: its sections and their fields, their loading, checks and documentation.

Imports nothing of the package but `errors`, so that commands can read it and answer for
it before JAX is imported.
"""

from deepdepth_jax.config.adaptation import AdaptConfig
from deepdepth_jax.config.augmentation import AUGMENTATIONS, AugmentConfig
from deepdepth_jax.config.check import complete, fill_from_presets
from deepdepth_jax.config.data import DataConfig, UntaggedDepth
from deepdepth_jax.config.differences import describe_differences, differences
from deepdepth_jax.config.evaluation import ONE_VIEW, CrfConfig, EvalConfig
from deepdepth_jax.config.inherit import head_differences, inherit
from deepdepth_jax.config.load import (
    config_from_fields,
    config_from_json,
    load_config,
    override,
)
from deepdepth_jax.config.network import BIN_PRESETS, BinsConfig, ModelConfig
from deepdepth_jax.config.sections import FIELDS, Config, default_config, with_fields
from deepdepth_jax.config.training import LossName, TrainConfig

__all__ = [
    "AUGMENTATIONS",
    "BIN_PRESETS",
    "FIELDS",
    "ONE_VIEW",
    "AdaptConfig",
    "AugmentConfig",
    "BinsConfig",
    "Config",
    "CrfConfig",
    "DataConfig",
    "EvalConfig",
    "LossName",
    "ModelConfig",
    "TrainConfig",
    "UntaggedDepth",
    "complete",
    "config_from_fields",
    "config_from_json",
    "default_config",
    "describe_differences",
    "differences",
    "fill_from_presets",
    "head_differences",
    "inherit",
    "load_config",
    "override",
    "with_fields",
]
