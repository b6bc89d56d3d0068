"""Adopts the config fields that pretrained weights determine."""

import operator
from collections.abc import Mapping

from ml_collections import ConfigDict

from deepdepth_jax.config import Config, complete, inherit, with_fields
from deepdepth_jax.config.check import set_unset
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import UNKNOWN_CAMERA, TrainingCamera
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.pretrained import Metadata
from deepdepth_jax.weights import hub
from deepdepth_jax.weights.catalogue import CHECKPOINTS
from deepdepth_jax.weights.pretrained import open_pretrained


def complete_with_pretrained(config: ConfigDict, run: Config | None = None) -> Config:
    """Completes a config, with all that its pretrained weights decide.

    Args:
      config: not completed. Unchanged.
      run: see `adopt_pretrained`.

    Returns:
      The completed config.

    Raises:
      UserError: the config cannot run, or contradicts the weights.
    """
    return adopt_pretrained(complete(inherit_pretrained(config, run)), run)


def inherit_pretrained(config: ConfigDict, run: Config | None = None) -> ConfigDict:
    """Sets the unset fields of the network to those of a pretrained depth network.

    `train.resize` is set, too, to resize images if the camera of the network is known.

    Args:
      config: not completed. Unchanged.
      run: see `adopt_pretrained`.

    Returns:
      A copy of the config, not completed. Equal without a pretrained depth network.

    Raises:
      UserError: the weights are not there, or damaged.
    """
    pretrained = config.model.pretrained
    if run is not None and pretrained and _is_dispensable(pretrained, run):
        return _resized(inherit(config, run), run.train.resize)
    if not pretrained or pretrained in CHECKPOINTS:  # those are backbones
        return config
    opened = open_pretrained(pretrained)
    if opened.network is None:
        return config
    usual = "pretrained" if opened.camera.is_known else "none"
    resize = usual if run is None else run.train.resize
    return _resized(inherit(config, opened.network), resize)


def _resized(config: ConfigDict, resize: str | None) -> ConfigDict:
    """Sets `train.resize` if it is unset."""
    set_unset(config, {"train.resize": resize})
    return config


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
        the weights belong to another network, or there are none and normalisation is
        frozen.
    """
    model = config.model
    if not model.pretrained:
        _check_something_is_learned(config)
        _check_resize(config, UNKNOWN_CAMERA)
        return _filled_in(config, "1x1", "imagenet_rgb")
    if run is not None and _is_dispensable(model.pretrained, run):
        return _filled_in(config, run.model.stride_on, run.model.input_convention)
    pretrained = open_pretrained(model.pretrained)
    metadata, convention = pretrained.metadata, _name_of(pretrained.metadata)
    _check_resize(config, pretrained.camera)
    config = _filled_in(config, metadata.stride_on, convention)
    theirs = {"model.backbone": metadata.architecture, "model.width": metadata.width}
    _check_agrees(config, theirs, may_differ=False)
    theirs = {
        "model.stride_on": metadata.stride_on,
        "model.input_convention": convention,
    }
    if pretrained.network is not None:
        focal_px = pretrained.network.data.canonical_focal_px
        theirs["data.canonical_focal_px"] = focal_px
    _check_agrees(config, theirs, may_differ=True)
    return config


def pretrained_digest(config: Config) -> str | None:
    """Reads the digest of the pretrained weights; None without any at hand.

    Raises:
      UserError: the file or the run holds no weights of this package.
    """
    pretrained = config.model.pretrained
    if not pretrained or hub.find(pretrained) is None:
        return None
    return open_pretrained(pretrained).digest


def _is_dispensable(pretrained: str, run: Config) -> bool:
    return pretrained == run.model.pretrained and hub.find(pretrained) is None


def _check_agrees(
    config: Config, theirs: Mapping[str, object], *, may_differ: bool
) -> None:
    if may_differ and config.model.pretrained_override:
        return
    remedy = ", or set model.pretrained_override=true" if may_differ else ""
    for field, value in theirs.items():
        own = operator.attrgetter(field)(config)
        if own != value:
            raise UserError(
                f"{field}={own}, but the weights of model.pretrained="
                f"{config.model.pretrained} have {value}: leave the field out{remedy}"
            )


def _check_something_is_learned(config: Config) -> None:
    """Refuses to freeze statistics as they are drawn."""
    if config.model.norm == "frozen":
        raise UserError(
            "model.norm=frozen would freeze untrained statistics, as "
            "model.pretrained is empty: set it, or set --config.model.norm=trained"
        )


def _check_resize(config: Config, camera: TrainingCamera) -> None:
    """Refuses to resize images to a camera that is not known."""
    if config.train.resize == "pretrained" and not camera.is_known:
        raise UserError(
            "train.resize=pretrained: must be unset, as no depth network of known "
            f"focal length is in model.pretrained={config.model.pretrained}"
        )


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
