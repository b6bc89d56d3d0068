"""Completing a config, and refusing one that cannot run, before anything is done."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from deepdepth_jax.config.load import flatten
from deepdepth_jax.config.network import BIN_PRESETS
from deepdepth_jax.config.sections import FIELDS
from deepdepth_jax.config.training import AUGMENTATIONS, LOSSES
from deepdepth_jax.errors import UserError

SMALLEST_WINDOW = 16


def complete(config: ConfigDict) -> ConfigDict:
    """Fills in what the presets decide and refuses what cannot run.

    Raises:
      UserError: names the field and what it must be.
    """
    config = fill_from_presets(config)
    for name, value in flatten(config):
        accepted = _accept(name, value)
        config.update_from_flattened_dict({name: accepted})
    for check in (
        _check_bins,
        _check_losses,
        _check_heads,
        _check_evaluation,
        _check_steps,
        _check_data_is_named,
        _check_something_is_learned,
    ):
        check(config)
    return config


def fill_from_presets(config: ConfigDict) -> ConfigDict:
    """Fills in the fields that a preset or the head decides, where not given."""
    config = config.copy_and_resolve_references()
    _fill_from_preset(config, "bins", BIN_PRESETS)
    _fill_from_preset(config, "augment", AUGMENTATIONS)
    if config.train.loss is None:
        config.train.loss = LOSSES[_accept("model.head", config.model.head)][0]
    return config


def _fill_from_preset(config: ConfigDict, section: str, presets: Mapping) -> None:
    fields = config[section]
    preset = _accept(f"{section}.preset", fields.preset)
    for field, value in presets[preset].items():
        if fields[field] is None:
            fields[field] = value


def _accept(name: str, value: object) -> Any:
    try:
        return FIELDS[name].accept(value)
    except ValueError as error:
        raise UserError(f"{name}={error}") from error


def _check_bins(config: ConfigDict) -> None:
    bins = config.bins
    if not bins.min_depth_m < bins.max_depth_m:
        raise UserError(
            f"bins.min_depth_m={bins.min_depth_m}: must be < bins.max_depth_m="
            f"{bins.max_depth_m}"
        )
    if bins.kind == "sid" and not bins.min_depth_m > 0:
        raise UserError(
            f"bins.min_depth_m={bins.min_depth_m}: must be > 0 with bins.kind=sid, "
            "which is even in log depth"
        )


def _check_losses(config: ConfigDict) -> None:
    head, train = config.model.head, config.train
    if train.loss not in LOSSES[head]:
        raise UserError(
            f"train.loss={train.loss!r}: must be one of {', '.join(LOSSES[head])} with "
            f"model.head={head}; or leave it out"
        )
    if train.silog_weight and head != "classification":
        raise UserError(
            f"train.silog_weight={train.silog_weight}: must be 0 with model.head={head}"
        )


def _check_heads(config: ConfigDict) -> None:
    if config.crf.enabled and config.model.head == "regression":
        raise UserError(
            "crf.enabled=True: must be False with model.head=regression, as the CRF "
            "refines distributions over bins"
        )


def _check_evaluation(config: ConfigDict) -> None:
    section = config.eval
    if not section.min_m < section.cap_m:
        raise UserError(
            f"eval.cap_m={section.cap_m}: must be > eval.min_m={section.min_m}"
        )
    height, width = section.window
    if (height, width) != (0, 0) and min(height, width) < SMALLEST_WINDOW:
        raise UserError(
            f"eval.window={section.window}: both must be >= {SMALLEST_WINDOW}, or both "
            "0 for the whole image at once"
        )


def _check_steps(config: ConfigDict) -> None:
    first, last = config.train.profile_steps
    if first > last:
        raise UserError(
            f"train.profile_steps={(first, last)}: the first must be <= the last"
        )


def _check_data_is_named(config: ConfigDict) -> None:
    data = config.data
    used = {data.dataset} | {name for name, weight in data.mixture.items() if weight}
    for name in ("kitti", "synthia"):
        if name in used and not (data[name].root or data.root):
            raise UserError(
                f"data.root is empty: say where {name} lies, --config.data.root=FOLDER"
            )
    if "pairs" in used and not data.pairs.manifest:
        raise UserError(
            "data.pairs.manifest is empty: say which images and depth files belong "
            "together, --config.data.pairs.manifest=FILE"
        )


def _check_something_is_learned(config: ConfigDict) -> None:
    if config.model.norm == "frozen" and not config.model.pretrained:
        raise UserError(
            "model.norm=frozen with model.pretrained empty would freeze statistics "
            "that nothing has learned: give weights, or set "
            "--config.model.norm=trained"
        )
