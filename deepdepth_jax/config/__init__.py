"""The config: its sections and their fields, their loading, checks and documentation.

Imports nothing of the package but `errors`, so that commands can read it and answer for
it before JAX is imported.
"""

from deepdepth_jax.config.check import complete, fill_from_presets
from deepdepth_jax.config.differences import describe_differences, differences
from deepdepth_jax.config.load import config_from_json, load_config, override
from deepdepth_jax.config.sections import FIELDS, default_config
from deepdepth_jax.config.training import AUGMENTATIONS

__all__ = [
    "AUGMENTATIONS",
    "FIELDS",
    "complete",
    "config_from_json",
    "default_config",
    "describe_differences",
    "differences",
    "fill_from_presets",
    "load_config",
    "override",
]
