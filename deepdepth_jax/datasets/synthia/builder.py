"""The TFDS builder of SYNTHIA."""

from typing import ClassVar

from deepdepth_jax.datasets.builder import DepthBuilder


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
