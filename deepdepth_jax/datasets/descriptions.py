"""Descriptions of the data sets for TFDS: one builder class each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from deepdepth_jax.datasets.builder import DepthBuilder


class Kitti(DepthBuilder):
    """Writes a split of KITTI, read by a `KittiSource`."""

    ABOUT: ClassVar[str] = (
        "Images of KITTI's raw recordings with improved depth, or with the lidar "
        "sweep of the frame projected into them, in the split of Eigen et al. (2014)."
    )
    HOMEPAGE: ClassVar[str] = "https://www.cvlibs.net/datasets/kitti/"
    CITATION: ClassVar[str] = """\
@article{geiger2013vision,
  title = {Vision meets robotics: The {KITTI} dataset},
  author = {Geiger, Andreas and Lenz, Philip and Stiller, Christoph and
            Urtasun, Raquel},
  journal = {The International Journal of Robotics Research},
  volume = {32},
  number = {11},
  pages = {1231--1237},
  year = {2013}
}
@inproceedings{uhrig2017sparsity,
  title = {Sparsity Invariant {CNNs}},
  author = {Uhrig, Jonas and Schneider, Nick and Schneider, Lukas and Franke, Uwe and
            Brox, Thomas and Geiger, Andreas},
  booktitle = {International Conference on 3D Vision},
  year = {2017}
}
@inproceedings{eigen2014depth,
  title = {Depth Map Prediction from a Single Image using a Multi-Scale Deep Network},
  author = {Eigen, David and Puhrsch, Christian and Fergus, Rob},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2014}
}
"""


class Pairs(DepthBuilder):
    """Writes a split of images and depth files, as listed for a `PairsSource`."""

    ABOUT: ClassVar[str] = (
        "Images and depth files of the user's own, paired by a manifest; depth in "
        "metres, 0 where there is no ground truth."
    )
    HOMEPAGE: ClassVar[str] = ""
    CITATION: ClassVar[str] = ""


class Pseudo(DepthBuilder):
    """Writes images with pseudo-labels, as listed for a `PairsSource`."""

    ABOUT: ClassVar[str] = (
        "Images of the user's own, with the depth that a network predicts where it is "
        "most confident, in metres, 0 elsewhere."
    )
    HOMEPAGE: ClassVar[str] = ""
    CITATION: ClassVar[str] = ""


class Streets(DepthBuilder):
    """Writes a split of street scenes, rendered by a `StreetsSource`."""

    ABOUT: ClassVar[str] = (
        "Procedural street scenes with exact depth: buildings, trees, vehicles and "
        "people along random streets under random weather, drawn from a seed and "
        "rendered by ray casting when they are prepared. Nothing is downloaded."
    )
    HOMEPAGE: ClassVar[str] = ""
    CITATION: ClassVar[str] = """\
@misc{deepdepthjax,
  title = {deepdepth\\_jax: procedural street scenes with exact depth},
  author = {{The deepdepth\\_jax authors}},
  note = {Rendered by this project. Part of its source code}
}
"""


class Synthia(DepthBuilder):
    """Writes a split of SYNTHIA-RAND-CITYSCAPES, read by a `SynthiaSource`."""

    ABOUT: ClassVar[str] = (
        "SYNTHIA-RAND-CITYSCAPES: rendered street scenes with exact depth. It has no "
        "official split: here every tenth frame tests (index 0, 10, 20, ...), one in a "
        "hundred validates (5, 105, 205, ...), and the others train."
    )
    HOMEPAGE: ClassVar[str] = "https://synthia-dataset.net/"
    CITATION: ClassVar[str] = """\
@inproceedings{ros2016synthia,
  title = {The {SYNTHIA} Dataset: A Large Collection of Synthetic Images for Semantic
           Segmentation of Urban Scenes},
  author = {Ros, German and Sellart, Laura and Materzynska, Joanna and Vazquez, David
            and Lopez, Antonio M.},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages = {3234--3243},
  year = {2016}
}
"""


BUILDERS: Mapping[str, type[DepthBuilder]] = MappingProxyType(
    {
        "kitti": Kitti,
        "pairs": Pairs,
        "pseudo": Pseudo,
        "streets": Streets,
        "synthia": Synthia,
    }
)
"""By the names of the data sets."""
