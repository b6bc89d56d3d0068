"""Two configs, field by field."""

from typing import Any

from ml_collections import ConfigDict

from deepdepth_jax.config.check import fill_from_presets
from deepdepth_jax.config.load import flatten
from deepdepth_jax.config.sections import Config, default_config


def differences(
    ours: Config | ConfigDict, theirs: Config | ConfigDict
) -> dict[str, tuple[Any, Any]]:
    """Lists the fields in which two completed configs differ, with both values."""
    left, right = dict(flatten(ours.to_dict())), dict(flatten(theirs.to_dict()))
    return {
        field: (left.get(field), right.get(field))
        for field in sorted(left.keys() | right.keys())
        if left.get(field) != right.get(field)
    }


def describe_differences(config: Config) -> str:
    """Lists how a completed config differs from the default, a line for each field."""
    changed = differences(fill_from_presets(default_config()), config)
    lines = [
        f"  {field} = {here!r} (default {default!r})"
        for field, (default, here) in changed.items()
    ]
    return "\n".join(
        ["config, where it is not the default:", *(lines or ["  nowhere"])]
    )
