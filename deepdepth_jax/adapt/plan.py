"""What an adaptation consists of: its start, its sources, the config of each round."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from deepdepth_jax.adapt.round_files import Round
from deepdepth_jax.adapt.thresholds import portion_of_round, rarest_bins
from deepdepth_jax.config import FIELDS, Config, head_differences, inherit
from deepdepth_jax.config.load import flatten
from deepdepth_jax.datasets.registry import training_sources, training_weights
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.saved_network import (
    SavedNetwork,
    load_network,
    local_path,
)
from deepdepth_jax.models.heads import build_head
from deepdepth_jax.runtime.workdir import CHECKPOINTS
from deepdepth_jax.weights.adopt import complete_with_pretrained
from deepdepth_jax.weights.pretrained import open_pretrained

INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "augment.mined_bins": "set adapt.rare_bins and adapt.rare_share",
        "augment.mining_probability": "set adapt.mining_probability",
        "data.pseudo.manifest": "only training alone takes such a list",
        "model.pretrained": "--from names the network to start from",
        "train.pseudo_label_std": "set adapt.label=soft",
    }
)
"""Fields that every round sets itself, and how a user may have a say in each."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """An adaptation, before anything is done.

    Attributes:
      asked: the config as asked for, not completed, with the unset fields of the
        network that is adapted.
      config: the same, completed.
      network: the network that is adapted.
      pretrained: its name for `model.pretrained`.
      digest: of its content.
      source: fingerprints of the labelled source, by data set.
      source_images: number of its images.
    """

    asked: ConfigDict
    config: Config
    network: SavedNetwork
    pretrained: str
    digest: str
    source: Mapping[str, str]
    source_images: int

    @classmethod
    def of(cls, asked: ConfigDict, start: Path) -> "Plan":
        """Checks everything that may be refused before images are read.

        Args:
          asked: the config, not completed. Unchanged.
          start: of the network to adapt, as `load_network` takes it.

        Raises:
          UserError: the network has no distribution, the config cannot run or sets
            a field that the rounds set, or the target is also the source.
        """
        network = load_network(start)
        if not build_head(network.config).has_distribution:
            raise UserError(
                f"--from={start}: predicts no distribution over bins (model.head="
                f"{network.config.model.head}), so it has no confidence to select by"
            )
        pretrained = str(local_path(start))
        if network.workdir is not None:
            pretrained = str(network.workdir / CHECKPOINTS / str(network.step))
        inherited = inherit(asked, network.config)
        inherited.model.pretrained = pretrained
        config = complete_with_pretrained(inherited)
        _check_head(config, network.config)
        _check_source(config)
        _check_fields_of_rounds(asked)
        sources = [source for source, _ in training_sources(config.data)]
        return cls(
            asked=inherited,
            config=config,
            network=_with_config(network, config),
            pretrained=pretrained,
            digest=open_pretrained(pretrained).digest,
            source={source.dataset: source.fingerprint() for source in sources},
            source_images=sum(map(len, sources)),
        )

    def portion(self, index: int) -> float:
        """Returns the portion of the pixels that round `index`, from 1, selects."""
        section = self.config.adapt
        return portion_of_round(
            index, section.portion, section.portion_step, section.portion_max
        )

    def round_config(self, each: Round, pretrained: str) -> ConfigDict:
        """Builds the config of a round's training.

        Every epoch takes the labelled target images, and a portion of the source
        images. Nothing is validated: a checkpoint that true depth of the target chooses
        would be no result without it.

        Args:
          each: the round, whose target is labelled.
          pretrained: the network to start from.

        Returns:
          The config, not completed.
        """
        section, numbers = self.config.adapt, each.numbers()
        images, selected = int(numbers["images"]), np.array(numbers["selected"])
        rare = rarest_bins(selected, section.rare_bins, section.rare_share)
        portion = portion_of_round(
            each.index,
            section.source_portion,
            section.source_portion_step,
            section.source_portion_max,
        )
        from_source = max(1, math.floor(portion * self.source_images))
        weights = training_weights(self.config.data)
        share = from_source / sum(weights.values())
        fields: dict[str, Any] = {
            f"data.mixture.{name}": weight * share for name, weight in weights.items()
        }
        fields |= {
            "data.mixture.pseudo": float(images),
            "data.pseudo.manifest": str(each.manifest),
            "model.pretrained": pretrained,
            "augment.mining_probability": section.mining_probability,
            "augment.mined_bins": tuple(rare),
            "train.pseudo_label_std": tuple(numbers.get("label_std", ())),
            "seed": (self.config.seed + each.index) % 2**32,
            "eval.every": 0,
        }
        if section.epochs:
            steps = section.epochs * (images + from_source)
            batch_size = self.config.train.batch_size
            fields["train.num_steps"] = max(1, math.ceil(steps / batch_size))
        return _with(self.asked, fields)


def _with(config: ConfigDict, fields: Mapping[str, Any]) -> ConfigDict:
    changed = config.copy_and_resolve_references()
    changed.update_from_flattened_dict(dict(fields))
    return changed


def _with_config(network: SavedNetwork, config: Config) -> SavedNetwork:
    """Returns the network with another config, which knows what it was trained on."""
    trained_on = list(training_weights(network.config.data))
    details = {"trained_on": trained_on} | dict(network.details)
    return dataclasses.replace(network, config=config, details=details)


def _check_head(config: Config, trained: Config) -> None:
    """Refuses a head that would start anew, and so could not label anything."""
    changed = head_differences(config, trained)
    for field, (asked, there) in changed.items():
        raise UserError(
            f"{field}={asked!r}: must be {there!r}, as in the network of --from, which "
            "labels the target; leave the field out"
        )


def _check_fields_of_rounds(asked: ConfigDict) -> None:
    """Refuses values that the rounds would replace."""
    values = dict(flatten(asked.to_dict()))
    for name, instead in INSTEAD.items():
        if values[name] != FIELDS[name].default:
            raise UserError(
                f"{name}={values[name]!r}: must be left out, as each round sets it; "
                f"{instead}"
            )


def _check_source(config: Config) -> None:
    """Refuses labels of the target as those of the source."""
    names = training_weights(config.data)
    if "pseudo" in names:
        raise UserError(
            "data.mixture.pseudo: must be 0, as each round has pseudo-labels of its own"
        )
    target = config.data.dataset
    if not config.adapt.images and target in names:
        raise UserError(
            f"data.dataset={target}: is the target, whose depth is not read, and the "
            "source as well; set data.mixture to the labelled source alone, or "
            "adapt.images to the folder of the target's images"
        )
