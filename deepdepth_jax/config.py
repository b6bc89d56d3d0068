"""The configuration: loaded, overridden, completed and checked before anything runs."""

import difflib
import importlib.util
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from absl import flags
from ml_collections import ConfigDict, config_flags

from deepdepth_jax.bins import PRESETS as BIN_PRESETS
from deepdepth_jax.bins import Decoding
from deepdepth_jax.defaults import AUGMENTATIONS, DATASETS, default_config
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.crf.options import CrfOptions
from deepdepth_jax.metrics import CROPS, METRICS
from deepdepth_jax.models.conv.recompute import Remat
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.resnet import ARCHITECTURES, STAGES, StrideOn
from deepdepth_jax.training.objective import LOSSES
from deepdepth_jax.training.optimizer import OPTIMIZERS


def load_config(path: str | Path) -> ConfigDict:
    """Loads a config from a Python file or, resolved, from a workdir's config.json."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"--config={path}: there is no such file")
    if path.suffix == ".json":
        return config_from_json(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"--config={path}: give a .py file with get_config()")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "get_config"):
        raise UserError(f"--config={path}: the file has no function get_config()")
    return module.get_config()


def config_from_json(path: Path) -> ConfigDict:
    """Reads the config back that a run wrote into its workdir."""
    try:
        stored = json.loads(path.read_text())["config"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the config.json of a run ({error!r})") from error
    config = default_config()
    for field, value in _flatten(stored):
        if field not in dict(_flatten(config)):
            raise UserError(f"{path}: field {field} is unknown to this version")
        typed = tuple(value) if isinstance(value, list) else value
        config.update_from_flattened_dict({field: typed})
    return config


def override(config: ConfigDict, arguments: Sequence[str]) -> ConfigDict:
    """Applies `--config.section.field=value` arguments.

    Raises:
      UserError: a field is unknown (the nearest one is named), or its value has the
        wrong type.
    """
    fields = dict(_flatten(config))
    for argument in arguments:
        name = argument.partition("=")[0].removeprefix("--config.")
        if not argument.startswith("--config.") or "=" not in argument:
            raise UserError(f"{argument}: write --config.section.field=value")
        if name not in fields:
            raise UserError(f"--config.{name}: no such field{_nearest(name, fields)}")
    values = flags.FlagValues()
    command = ["", *arguments]
    config_flags.DEFINE_config_dict(
        "config", config, flag_values=values, sys_argv=command
    )
    try:
        values(command)
    except (flags.Error, TypeError, ValueError) as error:
        raise UserError(" ".join(str(error).split())) from error
    return config


def _nearest(name: str, fields: Mapping[str, Any]) -> str:
    leaf = {field.rpartition(".")[2]: field for field in fields}
    near = difflib.get_close_matches(name, fields, 1) or [
        leaf[match]
        for match in difflib.get_close_matches(name.rpartition(".")[2], leaf, 1)
    ]
    return f"; did you mean --config.{near[0]}?" if near else ""


def _flatten(
    section: Mapping | ConfigDict, prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, (Mapping, ConfigDict)):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def complete(config: ConfigDict) -> ConfigDict:
    """Fills in what the presets decide and refuses what cannot run.

    Raises:
      UserError: names the field and what it may be.
    """
    config = fill_from_presets(config)
    _check_choices(config)
    _check_numbers(config)
    _check_tuples(config)
    _check_head(config)
    _check_data_is_named(config.data)
    CrfOptions.of(config.crf)  # refuses what is of no use
    if config.model.norm == "frozen" and not config.model.pretrained:
        raise UserError(
            "model.norm=frozen with model.pretrained empty would freeze statistics "
            "that nothing has learnt: give weights, or set "
            "--config.model.norm=trained"
        )
    return config


def fill_from_presets(config: ConfigDict) -> ConfigDict:
    """Gives the fields that are not set what their preset, or the head, says."""
    config = config.copy_and_resolve_references()
    _fill_from_preset(config, "bins", BIN_PRESETS)
    _fill_from_preset(config, "augment", AUGMENTATIONS)
    _check_choice("model.head", config.model.head, HEADS)
    if config.train.loss is None:
        config.train.loss = next(iter(LOSSES[config.model.head]))
    return config


def _fill_from_preset(config: ConfigDict, section: str, presets: Mapping) -> None:
    fields = config[section]
    _check_choice(f"{section}.preset", fields.preset, presets)
    for field, value in presets[fields.preset].items():
        if fields[field] is None:
            fields[field] = value


def _check_head(config: ConfigDict) -> None:
    """Refuses what the head does not have."""
    head, train = config.model.head, config.train
    if train.loss not in LOSSES[head]:
        raise UserError(
            f"train.loss={train.loss!r} is not one of model.head={head}: take "
            f"{' or '.join(LOSSES[head])}, or leave it out"
        )
    if train.silog_weight and head != "classification":
        raise UserError(
            f"train.silog_weight={train.silog_weight} goes with "
            f"model.head=classification, and here it is {head}"
        )
    if config.crf.enabled and not HEADS[head].has_distribution:
        raise UserError(
            f"crf.enabled=True: the CRF refines distributions over bins, and "
            f"model.head={head} gives none"
        )


def _check_data_is_named(data: ConfigDict) -> None:
    used = {data.dataset} | {name for name, weight in data.mixture.items() if weight}
    for name in ("kitti", "synthia"):
        if name in used and not (data[name].root or data.root):
            raise UserError(
                f"data.root is empty: say where {name} lies, --config.data.root=FOLDER"
            )
    if "pairs" in used and not data.pairs.manifest:
        raise UserError(
            "data.pairs.manifest is empty: say which pictures and depth files belong "
            "together, --config.data.pairs.manifest=FILE"
        )


def _check_choices(config: ConfigDict) -> None:
    unset_until_weights_are_known = ("model.stride_on", "model.input_convention")
    for field, allowed in {
        "data.dataset": DATASETS,
        "data.kitti.ground_truth": ("improved", "lidar"),
        "model.backbone": ARCHITECTURES,
        "model.output_stride": STAGES,
        "model.norm": ("frozen", "trained"),
        "model.stride_on": get_args(StrideOn),
        "model.input_convention": CONVENTIONS,
        "train.optimizer": OPTIMIZERS,
        "train.precision": ("float32", "bfloat16"),
        "train.remat": get_args(Remat),
        "train.freeze_at": range(6),
        "eval.split": ("train", "val", "test"),
        "eval.ground_truth": ("improved", "lidar"),
        "eval.crop": CROPS,
        "eval.decode": get_args(Decoding),
        "eval.best_metric": METRICS,
    }.items():
        value = _field(config, field)
        if value is not None or field not in unset_until_weights_are_known:
            _check_choice(field, value, allowed)


def _check_choice(field: str, value: object, allowed: Collection) -> None:
    if value not in allowed:
        choices = ", ".join(str(choice) for choice in allowed)
        raise UserError(f"{field}={value!r} is unknown: take one of {choices}")


# The least value of each number that has one.
_AT_LEAST: Mapping[str, float] = MappingProxyType(
    {
        "seed": 0,
        "data.canonical_focal_px": 0,
        "data.synthia.focal_px": 0,
        **{f"data.mixture.{name}": 0 for name in DATASETS},
        "data.streets.train_scenes": 1,
        "data.streets.val_scenes": 0,
        "data.streets.test_scenes": 0,
        "data.streets.height": 16,
        "data.streets.width": 16,
        "model.width": 1,
        "augment.max_zoom": 1,
        "augment.rotation_deg": 0,
        "augment.flip_probability": 0,
        "augment.colour_probability": 0,
        "augment.gamma_range": 0,
        "augment.brightness_range": 0,
        "augment.gain_range": 0,
        "train.label_smoothing": 0,
        "train.silog_weight": 0,
        "train.batch_size": 1,
        "train.accumulate": 1,
        "train.keep_every": 0,
        "train.max_bad_steps": 1,
        "train.num_steps": 1,
        "train.learning_rate": 0,
        "train.momentum": 0,
        "train.weight_decay": 0,
        "train.poly_power": 0,
        "train.head_lr_mult": 0,
        "train.backbone_lr_mult": 0,
        "train.log_every": 1,
        "train.checkpoint_every": 1,
        "train.keep_checkpoints": 1,
        "eval.every": 0,
        "eval.min_m": 0,
        "eval.batch_size": 1,
        "eval.figures": 0,
    }
)


def _check_numbers(config: ConfigDict) -> None:
    for field, least in _AT_LEAST.items():
        value = _field(config, field)
        if not value >= least:
            raise UserError(f"{field}={value}: take {least} or more")
    if not config.train.soft_label_std > 0:
        raise UserError(
            f"train.soft_label_std={config.train.soft_label_std}: take more than 0"
        )
    if not config.train.label_smoothing < 1:
        raise UserError(
            f"train.label_smoothing={config.train.label_smoothing}: take less than 1"
        )
    if not config.eval.cap_m > config.eval.min_m:
        raise UserError(
            f"eval.cap_m={config.eval.cap_m}: take more than "
            f"eval.min_m={config.eval.min_m}"
        )


def _check_tuples(config: ConfigDict) -> None:
    crop = config.train.crop
    if len(crop) != 2 or not all(isinstance(side, int) and side > 0 for side in crop):
        raise UserError(
            f"train.crop={crop}: take two positive whole numbers, height and width"
        )
    profile = config.train.profile_steps
    if not (_are_numbers(profile) and len(profile) == 2 and profile[0] <= profile[1]):
        raise UserError(
            f"train.profile_steps={profile}: take two steps, the first and the last"
        )
    scales = config.eval.scales
    in_range = _are_numbers(scales) and all(0.1 <= scale <= 10 for scale in scales)
    if not scales or not in_range:
        raise UserError(f"eval.scales={scales}: take numbers from 0.1 to 10")
    window = config.eval.window
    are_sides = _are_numbers(window) and len(window) == 2
    if not are_sides or (not all(side >= 16 for side in window) and any(window)):
        raise UserError(
            f"eval.window={window}: take a height and a width of at least 16 pixels, "
            "or (0, 0) for the whole picture"
        )


def _are_numbers(values: Sequence[object]) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


def _field(config: ConfigDict, name: str) -> Any:
    for part in name.split("."):
        config = config[part]
    return config


def differences(ours: ConfigDict, theirs: ConfigDict) -> dict[str, tuple[Any, Any]]:
    """Lists the fields in which two completed configs differ, with both values."""
    left, right = dict(_flatten(ours)), dict(_flatten(theirs))
    return {
        field: (left.get(field), right.get(field))
        for field in sorted(left.keys() | right.keys())
        if left.get(field) != right.get(field)
    }


def describe_differences(config: ConfigDict) -> str:
    """Lists how a completed config differs from the default, a line for each field."""
    changed = differences(fill_from_presets(default_config()), config)
    lines = [
        f"  {field} = {here!r} (default {default!r})"
        for field, (default, here) in changed.items()
    ]
    return "\n".join(
        ["config, where it is not the default:", *(lines or ["  nowhere"])]
    )
