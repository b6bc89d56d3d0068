"""The whole config: its sections, its fields by their names, and its completion."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from ml_collections import ConfigDict, config_dict

from deepdepth_jax.config.data import DataConfig
from deepdepth_jax.config.evaluation import CrfConfig, EvalConfig
from deepdepth_jax.config.fields import (
    Field,
    Section,
    fields_of,
    is_section,
    number,
)
from deepdepth_jax.config.network import BIN_PRESETS, BinsConfig, ModelConfig
from deepdepth_jax.config.training import (
    AUGMENTATIONS,
    LOSSES,
    AugmentConfig,
    TrainConfig,
)
from deepdepth_jax.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Section):
    """A run: its data, network, training and evaluation. The defaults are the paper's.

    Sections with a `preset` take the fields that are not given from it.
    """

    seed: int = number(
        0,
        at_least=0,
        at_most=2**32 - 1,
        meaning="of initial weights, the order of the data and augmentation",
        also=("random_seed",),
    )
    data: DataConfig
    bins: BinsConfig
    model: ModelConfig
    augment: AugmentConfig
    train: TrainConfig
    eval: EvalConfig = dataclasses.field(metadata={"free": True})
    crf: CrfConfig = dataclasses.field(metadata={"free": True})

    def to_dict(self) -> dict[str, Any]:
        """Returns the values, section within section."""
        return dataclasses.asdict(self)


FIELDS: Mapping[str, Field] = MappingProxyType(
    {field.name: field for field in fields_of(Config)}
)
"""Every field by its whole name, such as `train.learning_rate`, in order."""


S = TypeVar("S", bound=Section)


def with_fields(config: Config, values: Mapping[str, object]) -> Config:
    """Returns a config with other values of some fields.

    Args:
      config: completed.
      values: by the fields' whole names, such as `eval.cap_m`.

    Raises:
      ValueError: a field does not take its value.
    """
    accepted = {name: FIELDS[name].accept(value) for name, value in values.items()}
    return _replaced(config, accepted)


def _replaced(section: S, values: Mapping[str, object]) -> S:
    own: dict[str, Any] = {}
    for name, value in values.items():
        first, dot, rest = name.partition(".")
        within = own.get(first, getattr(section, first))
        own[first] = _replaced(within, {rest: value}) if dot else value
    return dataclasses.replace(section, **own)


def default_config() -> ConfigDict:
    """Builds the config that every config file starts from.

    A placeholder is a field that a preset, the head or the pretrained weights decide
    unless it is given.

    Returns:
      The locked config with all defaults.
    """
    values: dict[str, Any] = {}
    for name, field in FIELDS.items():
        *sections, leaf = name.split(".")
        within = values
        for section in sections:
            within = within.setdefault(section, {})
        is_open = field.default is None
        within[leaf] = (
            config_dict.placeholder(field.plain) if is_open else field.default
        )
    return ConfigDict(values).lock()


def complete(config: ConfigDict) -> Config:
    """Sets the fields that presets decide and refuses a config that cannot run.

    Args:
      config: as loaded, with overrides.

    Returns:
      The completed config.

    Raises:
      UserError: names the field and what it must be.
    """
    completed = _build(Config, fill_from_presets(config), "")
    _check_head(completed)
    _check_data_is_named(completed)
    _check_something_is_learned(completed)
    return completed


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


def _build(section: type[S], values: ConfigDict, prefix: str) -> S:
    """Builds a section. Adds its name to what it refuses."""
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


def _check_head(config: Config) -> None:
    """Refuses what the head does not have."""
    head, train = config.model.head, config.train
    if train.loss not in LOSSES[head]:
        raise UserError(
            f"train.loss={train.loss}: must be one of {', '.join(LOSSES[head])} with "
            f"model.head={head}, or not given"
        )
    if train.silog_weight and head != "classification":
        raise UserError(
            f"train.silog_weight={train.silog_weight}: must be 0 with model.head={head}"
        )
    if config.crf.enabled and head == "regression":
        raise UserError(
            "crf.enabled=True: must be False with model.head=regression, as the CRF "
            "refines distributions over bins"
        )


def _check_data_is_named(config: Config) -> None:
    data = config.data
    used = {data.dataset} | {x for x, weight in vars(data.mixture).items() if weight}
    for name, root in (("kitti", data.kitti.root), ("synthia", data.synthia.root)):
        if name in used and not (root or data.root):
            raise UserError(
                f"data.root is empty: say where {name} lies, --config.data.root=FOLDER"
            )
    if "pairs" in used and not data.pairs.manifest:
        raise UserError(
            "data.pairs.manifest is empty: say which images and depth files belong "
            "together, --config.data.pairs.manifest=FILE"
        )


def _check_something_is_learned(config: Config) -> None:
    if config.model.norm == "frozen" and not config.model.pretrained:
        raise UserError(
            "model.norm=frozen with model.pretrained empty would freeze statistics "
            "that nothing has learned: give weights, or set "
            "--config.model.norm=trained"
        )
