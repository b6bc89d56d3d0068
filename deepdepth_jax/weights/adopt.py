"""Adopts the config fields that pretrained weights determine."""

from ml_collections import ConfigDict

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.pretrained import Metadata, load_metadata
from deepdepth_jax.weights import hub


def adopt_pretrained(config: ConfigDict) -> ConfigDict:
    """Sets stride and input convention to those of the pretrained weights, if any.

    Args:
      config: a completed config.

    Returns:
      A copy with all fields of `model` set.

    Raises:
      UserError: the config contradicts the weights without `model.pretrained_override`,
        or the weights belong to another network.
    """
    config = config.copy_and_resolve_references()
    model = config.model
    if not model.pretrained:
        model.stride_on = model.stride_on or "1x1"
        model.input_convention = model.input_convention or "imagenet_rgb"
        return config
    metadata = load_metadata(hub.resolve(model.pretrained))
    must = {"backbone": metadata.architecture, "width": metadata.width}
    may = {
        "stride_on": metadata.stride_on,
        "input_convention": _name_of(metadata),
    }
    for field, theirs in (must | may).items():
        if model[field] is None:
            model[field] = theirs
        overridden = model.pretrained_override and field in may
        if model[field] != theirs and not overridden:
            raise UserError(
                f"model.{field}={model[field]}, but the weights of model.pretrained="
                f"{model.pretrained} have {theirs}: leave the field out"
                + (", or set model.pretrained_override=true" if field in may else "")
            )
    return config


def _name_of(metadata: Metadata) -> str:
    names = {convention: name for name, convention in CONVENTIONS.items()}
    return names[metadata.convention]
