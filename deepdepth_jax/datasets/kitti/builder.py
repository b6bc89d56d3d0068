"""The TFDS builder of KITTI."""

from typing import ClassVar

from deepdepth_jax.datasets.builder import DepthBuilder


class Kitti(DepthBuilder):
    """Writes a split of KITTI, read by a `KittiSource`."""

    ABOUT: ClassVar[str] = (
        "Pictures of KITTI's raw recordings with improved depth, or with the lidar "
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
