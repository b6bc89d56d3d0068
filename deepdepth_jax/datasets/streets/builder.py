"""The TFDS builder of the embedded street scenes."""

from typing import ClassVar

from deepdepth_jax.datasets.builder import DepthBuilder


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
  note = {Rendered by this project; part of its source code}
}
"""
