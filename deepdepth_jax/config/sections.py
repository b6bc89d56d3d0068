"""The whole config, section by section, and its fields by their names."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from ml_collections import ConfigDict, config_dict

from deepdepth_jax.config.adaptation import AdaptConfig
from deepdepth_jax.config.augmentation import AugmentConfig
from deepdepth_jax.config.data import DataConfig
from deepdepth_jax.config.declare import number
from deepdepth_jax.config.evaluation import CrfConfig, EvalConfig
from deepdepth_jax.config.fields import Field, Section, fields_of
from deepdepth_jax.config.network import BinsConfig, ModelConfig
from deepdepth_jax.config.training import TrainConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Section):
    """A run: its data, network, training and evaluation. The defaults are the paper's.

    In sections with a `preset`, the preset sets the unset fields.
    """

    seed: int = number(
        0,
        at_least=0,
        at_most=2**32 - 1,
        meaning="seed of initialisation, data order and augmentation",
        also=("random_seed",),
    )
    data: DataConfig
    bins: BinsConfig
    model: ModelConfig
    augment: AugmentConfig
    train: TrainConfig
    eval: EvalConfig = dataclasses.field(metadata={"free": True})
    crf: CrfConfig = dataclasses.field(metadata={"free": True})
    adapt: AdaptConfig = dataclasses.field(metadata={"free": True})

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
    unless it is set.

    Returns:
      The locked config with all defaults.
    """
    values: dict[str, Any] = {}
    for name, field in FIELDS.items():
        *sections, leaf = name.split(".")
        within = values
        for section in sections:
            within = within.setdefault(section, {})
        type_ = tuple if field.lengths else field.plain
        is_open = field.default is None or field.inherited
        within[leaf] = config_dict.placeholder(type_) if is_open else field.default
    return ConfigDict(values).lock()
