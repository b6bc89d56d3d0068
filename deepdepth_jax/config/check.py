"""Completing a config, and refusing one that cannot run, before anything is done."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from ml_collections import ConfigDict

from deepdepth_jax.config.augmentation import AUGMENTATIONS
from deepdepth_jax.config.fields import Section, is_section
from deepdepth_jax.config.network import BIN_PRESETS
from deepdepth_jax.config.sections import FIELDS, Config
from deepdepth_jax.config.training import LOSSES
from deepdepth_jax.errors import UserError

SMALLEST_WINDOW_PX = 16
NEAREST_SID_M = 1e-4
FINEST_BIN = 1e-6
"""The least width of a bin, as a share of the largest depth: float32 resolves it."""

S = TypeVar("S", bound=Section)


def complete(config: ConfigDict) -> Config:
    """Sets the fields that presets decide and refuses a config that cannot run.

    Args:
      config: as loaded, with overrides.

    Returns:
      The completed config.

    Raises:
      UserError: names the field and its requirement.
    """
    completed = _build(Config, fill_from_presets(config), "")
    for check in (
        _check_bins,
        _check_mined_bins,
        _check_head,
        _check_evaluation,
        _check_schedule,
        _check_adaptation,
        _check_profile,
        _check_data_is_named,
    ):
        check(completed)
    return completed


def fill_from_presets(config: ConfigDict) -> ConfigDict:
    """Sets the unset fields: defaults, what presets decide, and the head's loss."""
    config = config.copy_and_resolve_references()
    inherited = {name: it.default for name, it in FIELDS.items() if it.inherited}
    set_unset(config, inherited)
    _fill_from_preset(config, "bins", BIN_PRESETS)
    _fill_from_preset(config, "augment", AUGMENTATIONS)
    if config.train.loss is None:
        config.train.loss = LOSSES[_accept("model.head", config.model.head)][0]
    return config


def set_unset(config: ConfigDict, values: Mapping[str, Any]) -> None:
    """Sets those of the named fields that are unset, in place.

    Args:
      config: changed in place.
      values: by the fields' whole names.
    """
    for name, value in values.items():
        section, _, leaf = name.rpartition(".")
        if config[section][leaf] is None:
            config.update_from_flattened_dict({name: value})


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


def _build(section: type[S], values: ConfigDict, prefix: str) -> S:
    """Builds a section. Errors name the field with its section."""
    fields = {
        declared.name: _build(
            declared.type, values[declared.name], f"{prefix}{declared.name}."
        )
        if is_section(declared.type)
        else _accept(f"{prefix}{declared.name}", values[declared.name])
        for declared in dataclasses.fields(section)
    }
    try:
        return section(**fields)
    except ValueError as error:
        raise UserError(f"{prefix}{error}") from error


def _check_bins(config: Config) -> None:
    """Refuses bins that are reversed, or too narrow for float32."""
    bins = config.bins
    near_m, far_m = bins.min_depth_m, bins.max_depth_m
    if bins.kind == "sid" and near_m < NEAREST_SID_M:
        raise UserError(
            f"bins.min_depth_m={near_m}: must be >= {NEAREST_SID_M} with "
            "bins.kind=sid, which is uniform in log depth"
        )
    if far_m - near_m < FINEST_BIN * bins.num_bins * far_m:
        raise UserError(
            f"bins.max_depth_m={far_m}: must be > bins.min_depth_m={near_m}, by "
            f"enough for bins.num_bins={bins.num_bins} distinct bins"
        )


def _check_mined_bins(config: Config) -> None:
    beyond = [x for x in config.augment.mined_bins if x >= config.bins.num_bins]
    if beyond:
        raise UserError(
            f"augment.mined_bins={config.augment.mined_bins}: must be < bins.num_bins="
            f"{config.bins.num_bins}"
        )


def _check_head(config: Config) -> None:
    """Refuses losses and a CRF that the head does not support."""
    head, train = config.model.head, config.train
    if train.loss not in LOSSES[head]:
        raise UserError(
            f"train.loss={train.loss}: must be one of {', '.join(LOSSES[head])} "
            f"with model.head={head}, or unset"
        )
    for name in ("silog_weight", "mrkld"):
        weight = getattr(train, name)
        if weight and head != "classification":
            raise UserError(f"train.{name}={weight}: must be 0 with model.head={head}")
    if train.beyond != "ignore" and (head == "regression" or train.silog_weight):
        raise UserError(
            f"train.beyond={train.beyond}: must be ignore with model.head={head}, "
            f"train.silog_weight={train.silog_weight}"
        )
    stds = train.pseudo_label_std
    if stds and (head != "classification" or len(stds) != config.bins.num_bins):
        raise UserError(
            f"train.pseudo_label_std: must have bins.num_bins={config.bins.num_bins} "
            f"items with model.head=classification, or be (), not {len(stds)} with "
            f"model.head={head}"
        )
    if config.crf.enabled and head == "regression":
        raise UserError(
            "crf.enabled=True: must be False with model.head=regression, as the CRF "
            "refines distributions over bins"
        )


def _check_evaluation(config: Config) -> None:
    section = config.eval
    if not section.min_m < section.cap_m:
        raise UserError(
            f"eval.cap_m={section.cap_m}: must be > eval.min_m={section.min_m}"
        )
    if section.decode == "absrel" and config.bins.min_depth_m == 0:
        raise UserError(
            "eval.decode=absrel: bins.min_depth_m must be > 0, as the expected AbsRel "
            "of a bin that starts at 0 m is infinite"
        )
    if section.window != (0, 0) and min(section.window) < SMALLEST_WINDOW_PX:
        raise UserError(
            f"eval.window={section.window}: both must be >= {SMALLEST_WINDOW_PX}, "
            "or both 0 for the whole image"
        )


def _check_schedule(config: Config) -> None:
    section = config.train
    if section.warmup_steps >= section.num_steps:
        raise UserError(
            f"train.warmup_steps={section.warmup_steps}: must be < train.num_steps, "
            f"{section.num_steps}"
        )


def _check_adaptation(config: Config) -> None:
    section = config.adapt
    for name in ("portion", "source_portion"):
        first, most = getattr(section, name), getattr(section, f"{name}_max")
        if most < first:
            raise UserError(f"adapt.{name}_max={most}: must be >= adapt.{name}={first}")
    for name in ("window_bins", "smoothing_bins"):
        count = getattr(section, name)
        if count % 2 == 0:
            raise UserError(f"adapt.{name}={count}: must be an odd number")
    if section.label == "soft" and config.model.head != "classification":
        raise UserError(
            "adapt.label=soft: must be argmax, median or reweighted with model.head="
            f"{config.model.head}"
        )
    if section.focal_px and section.focal_mm35:
        raise UserError(
            f"adapt.focal_px={section.focal_px}: must be 0 with adapt.focal_mm35="
            f"{section.focal_mm35}"
        )


def _check_profile(config: Config) -> None:
    first, last = config.train.profile_steps
    if first > last:
        raise UserError(
            f"train.profile_steps={(first, last)}: the first must be <= the last"
        )


def _check_data_is_named(config: Config) -> None:
    data = config.data
    used = {data.dataset} | {x for x, weight in vars(data.mixture).items() if weight}
    for name, root in (("kitti", data.kitti.root), ("synthia", data.synthia.root)):
        if name in used and not (root or data.root):
            raise UserError(
                "data.root is empty: set --config.data.root=FOLDER to the folder "
                f"of {name}"
            )
    if "pairs" in used and not data.pairs.manifest:
        raise UserError(
            "data.pairs.manifest is empty: set --config.data.pairs.manifest=FILE "
            "to a list of images and their depth files"
        )
    if "pseudo" in used and not data.pseudo.manifest:
        raise UserError(
            "data.pseudo.manifest is empty: set --config.data.pseudo.manifest=FILE "
            "to a list of images and their pseudo-labels"
        )
