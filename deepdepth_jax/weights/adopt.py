"""Adopts the config fields that pretrained weights determine."""

from deepdepth_jax.config import Config, with_fields
from deepdepth_jax.errors import UserError
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.pretrained import Metadata, load_digest, load_metadata
from deepdepth_jax.weights import hub


def adopt_pretrained(config: Config, run: Config | None = None) -> Config:
    """Sets stride and input convention to those of the pretrained weights, if any.

    Args:
      config: a completed config.
      run: the config of the run that is resumed. If it names the same weights, they
        need not be at hand: its checkpoints hold them.

    Returns:
      A copy with all fields of `model` set.

    Raises:
      UserError: the config contradicts the weights without `model.pretrained_override`,
        or the weights belong to another network.
    """
    model = config.model
    if not model.pretrained:
        return _filled_in(config, "1x1", "imagenet_rgb")
    if run is not None and _is_dispensable(model.pretrained, run):
        return _filled_in(config, run.model.stride_on, run.model.input_convention)
    metadata = load_metadata(hub.resolve(model.pretrained))
    stride_on, convention = metadata.stride_on, _name_of(metadata)
    is_free = model.pretrained_override
    for field, own, theirs, may_differ in (
        ("backbone", model.backbone, metadata.architecture, False),
        ("width", model.width, metadata.width, False),
        ("stride_on", model.stride_on or stride_on, stride_on, True),
        ("input_convention", model.input_convention or convention, convention, True),
    ):
        if own != theirs and not (may_differ and is_free):
            raise UserError(
                f"model.{field}={own}, but the weights of model.pretrained="
                f"{model.pretrained} have {theirs}: leave the field out"
                + (", or set model.pretrained_override=true" if may_differ else "")
            )
    return _filled_in(config, stride_on, convention)


def pretrained_digest(config: Config) -> str | None:
    """Reads the digest of the pretrained weights; None without any at hand.

    Raises:
      UserError: the file holds no converted weights.
    """
    path = hub.find(config.model.pretrained) if config.model.pretrained else None
    return None if path is None else f"sha256 {load_digest(path)}"


def _is_dispensable(pretrained: str, run: Config) -> bool:
    return pretrained == run.model.pretrained and hub.find(pretrained) is None


def _filled_in(
    config: Config, stride_on: str | None, input_convention: str | None
) -> Config:
    """Sets the unset fields that the weights decide."""
    model = config.model
    return with_fields(
        config,
        {
            "model.stride_on": model.stride_on or stride_on,
            "model.input_convention": model.input_convention or input_convention,
        },
    )


def _name_of(metadata: Metadata) -> str:
    names = {convention: name for name, convention in CONVENTIONS.items()}
    return names[metadata.convention]
