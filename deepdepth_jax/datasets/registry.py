"""From the config to sources: data sets by the name it has for them."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from deepdepth_jax.config import Config, DataConfig
from deepdepth_jax.datasets.kitti.kitti_source import UNITS_PER_METRE, KittiSource
from deepdepth_jax.datasets.pairs.pairs_source import PairsSource
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.datasets.streets.streets_source import StreetsSource
from deepdepth_jax.datasets.synthia.synthia_source import SynthiaSource
from deepdepth_jax.runtime.paths import expand_home

STREETS_SEED = 0
"""Fixed, so that all runs on streets are measured on the same scenes."""


def training_sources(data: DataConfig) -> list[tuple[Source, float]]:
    """Makes the sources that training draws from, with the weight of each.

    Args:
      data: the section `data` of a completed config.

    Raises:
      UserError: a folder or a file in it is not as it must be.
    """
    return [
        (_MAKE_SOURCE[name](data, "train", data.kitti.ground_truth, True), weight)
        for name, weight in training_weights(data).items()
    ]


def training_weights(data: DataConfig) -> dict[str, float]:
    """Returns the data sets that training draws from, with the weight of each."""
    weights = {name: weight for name, weight in vars(data.mixture).items() if weight}
    return weights or {data.dataset: 1.0}


def source_to_label(data: DataConfig) -> Source:
    """Makes the source of the images that a network is adapted to.

    It is the training split of `data.dataset`, of which `Source.image_files` counts.

    Args:
      data: the section `data` of a completed config.

    Raises:
      UserError: a folder or a file in it is not as it must be.
    """
    return _MAKE_SOURCE[data.dataset](data, "train", data.kitti.ground_truth, True)


def held_out_source(
    config: Config, split: str, learned_from: Collection[str] | None = None
) -> Source:
    """Makes the source of a split that is looked at, and not learnt from.

    Args:
      config: completed.
      split: of `data.dataset`, usually `val` or `test`.
      learned_from: the data sets that the evaluated network has learned from. None:
        those that a run of this config learns from.

    Raises:
      UserError: a folder or a file in it is not as it must be.
    """
    data = config.data
    if learned_from is None:
        learned_from = training_weights(data)
    make = _MAKE_SOURCE[data.dataset]
    return make(data, split, config.eval.ground_truth, data.dataset in learned_from)


def all_sources(config: Config) -> list[Source]:
    """Makes every source that a run of a completed config reads.

    Raises:
      UserError: a folder or a file in it is not as it must be.
    """
    held_out = {config.eval.split} | ({"val"} if config.eval.every else set())
    return [source for source, _ in training_sources(config.data)] + [
        held_out_source(config, split) for split in sorted(held_out, reverse=True)
    ]


def _kitti(
    data: DataConfig, split: str, ground_truth: str, learned: bool
) -> KittiSource:
    kitti = data.kitti
    return KittiSource(
        root=expand_home(kitti.root or data.root),
        split=split,
        ground_truth=ground_truth,
        # The Eigen test frames are the left camera's, whatever is trained on.
        cameras=tuple(kitti.cameras) if split == "train" else (2,),
        validation_drives=tuple(kitti.validation_drives),
        legacy=kitti.legacy_lidar and ground_truth == "lidar",
        train_list=expand_home(kitti.train_list),
        val_list=expand_home(kitti.val_list),
        test_list=expand_home(kitti.test_list),
        learned=learned,
    )


def _pairs(
    data: DataConfig, split: str, ground_truth: str, learned: bool
) -> PairsSource:
    del ground_truth, learned  # there is one kind, and the manifest tells the splits
    pairs = data.pairs
    return PairsSource(
        expand_home(pairs.manifest), split, pairs.depth_unit_m, pairs.untagged_depth
    )


def _pseudo(
    data: DataConfig, split: str, ground_truth: str, learned: bool
) -> PairsSource:
    del ground_truth, learned  # there is one kind, which is learnt from alone
    return PairsSource(
        expand_home(data.pseudo.manifest),
        split,
        1 / UNITS_PER_METRE,
        untagged_depth="upright",
        dataset="pseudo",
        ground_truth="predicted",
    )


def _streets(
    data: DataConfig, split: str, ground_truth: str, learned: bool
) -> StreetsSource:
    del ground_truth, learned  # there is one kind, and splits share no scene
    streets = data.streets
    scenes = {
        "train": streets.train_scenes,
        "val": streets.val_scenes,
        "test": streets.test_scenes,
    }
    return StreetsSource(
        split=split,
        num_scenes=scenes[split],
        height=streets.height,
        width=streets.width,
        seed=STREETS_SEED,
        world=streets.world,
    )


def _synthia(
    data: DataConfig, split: str, ground_truth: str, learned: bool
) -> SynthiaSource:
    del ground_truth, learned  # there is one kind, and splits share no frame
    synthia = data.synthia
    root = expand_home(synthia.root or data.root)
    return SynthiaSource(root=root, split=split, focal_px=synthia.focal_px)


_MAKE_SOURCE: Mapping[str, Callable[[DataConfig, str, str, bool], Source]] = (
    MappingProxyType(
        {
            "kitti": _kitti,
            "pairs": _pairs,
            "pseudo": _pseudo,
            "streets": _streets,
            "synthia": _synthia,
        }
    )
)
