"""Data sets by the name the config has for them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ml_collections import ConfigDict

from deepdepth_jax.datasets.builder import DepthBuilder, Source
from deepdepth_jax.datasets.kitti.builder import Kitti
from deepdepth_jax.datasets.kitti.source import KittiSource
from deepdepth_jax.datasets.streets.builder import Streets
from deepdepth_jax.datasets.streets.source import StreetsSource
from deepdepth_jax.datasets.synthia.builder import Synthia
from deepdepth_jax.datasets.synthia.source import SynthiaSource

STREETS_SEED = 0
"""Fixed, so that all runs on streets are measured on the same scenes."""

MakeSource = Callable[[ConfigDict, str, str], Source]


def _kitti(data: ConfigDict, split: str, ground_truth: str) -> KittiSource:
    return KittiSource(
        root=data.root,
        split=split,
        ground_truth=ground_truth,
        # The Eigen test frames are the left camera's, whatever is trained on.
        cameras=tuple(data.kitti.cameras) if split == "train" else (2,),
        validation_drives=tuple(data.kitti.validation_drives),
    )


def _streets(data: ConfigDict, split: str, ground_truth: str) -> StreetsSource:
    del ground_truth  # exact, there is one kind
    return StreetsSource(
        split=split,
        num_scenes=data.streets[f"{split}_scenes"],
        height=data.streets.height,
        width=data.streets.width,
        seed=STREETS_SEED,
    )


def _synthia(data: ConfigDict, split: str, ground_truth: str) -> SynthiaSource:
    del ground_truth  # rendered, there is one kind
    return SynthiaSource(root=data.root, split=split)


DATASETS: Mapping[str, tuple[type[DepthBuilder], MakeSource]] = MappingProxyType(
    {
        "kitti": (Kitti, _kitti),
        "streets": (Streets, _streets),
        "synthia": (Synthia, _synthia),
    }
)
