"""The TFDS builder of a user's own pairs."""

from typing import ClassVar

from deepdepth_jax.datasets.builder import DepthBuilder


class Pairs(DepthBuilder):
    """Writes a split of pictures and depth files, as listed for a `PairsSource`."""

    ABOUT: ClassVar[str] = (
        "Pictures and depth files of the user's own, paired by a manifest; depth in "
        "metres, 0 where there is no ground truth."
    )
    HOMEPAGE: ClassVar[str] = ""
    CITATION: ClassVar[str] = ""
