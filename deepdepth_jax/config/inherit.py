"""Fields that a config takes over from a trained network."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from deepdepth_jax.config.check import set_unset
from deepdepth_jax.config.differences import differences
from deepdepth_jax.config.load import flatten
from deepdepth_jax.config.sections import FIELDS, Config

BINS = (
    "bins.preset",
    "bins.kind",
    "bins.num_bins",
    "bins.min_depth_m",
    "bins.max_depth_m",
)
NETWORK = (
    *(name for name, it in FIELDS.items() if it.inherited and name not in BINS),
    "model.stride_on",
    "model.input_convention",
)
HEAD = (*BINS[1:], "model.head", "model.aspp_rates", "model.decoder_width")
"""The fields without which the weights of a head have another meaning."""


def inherit(config: ConfigDict, trained: Config) -> ConfigDict:
    """Sets the unset fields of the network to those of a trained one.

    A preset of the bins decides all bins that are unset.

    Args:
      config: not completed. Unchanged.
      trained: the config of the trained network, completed.

    Returns:
      A copy of the config, not completed.
    """
    config = config.copy_and_resolve_references()
    bins = BINS if config.bins.preset is None else ()
    values = dict(flatten(trained.to_dict()))
    set_unset(config, {name: values[name] for name in (*bins, *NETWORK)})
    return config


def head_differences(config: Config, trained: Config) -> Mapping[str, tuple[Any, Any]]:
    """Lists why the head of a trained network does not fit another config.

    Args:
      config: completed.
      trained: of the trained network, completed.

    Returns:
      Both values of each field that differs, the config's first. Empty if it fits.
    """
    changed = differences(config, trained)
    return {name: changed[name] for name in HEAD if name in changed}
