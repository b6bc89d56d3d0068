"""Serves street scenes as the records of a split."""

import dataclasses
import functools
import io
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from PIL import Image

from deepdepth_jax.datasets.source import Source
from deepdepth_jax.datasets.streets.worlds import WORLDS
from deepdepth_jax.errors import UserError
from deepdepth_jax.types import Example

SPLITS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True)
class StreetsSource(Source):
    """One split of the embedded data set: scenes that are rendered when they are read.

    A scene depends on the seed, the split and its index, and on nothing else: more
    scenes leave those before as they were, and no scene is in two splits. Depth is
    exact and dense. The sky has none (0).

    Attributes:
      split: "train", "val" or "test".
      num_scenes: how many. May be 0.
      height: rows of the images.
      width: columns of the images.
      seed: another seed, other streets.
      world: one of `WORLDS`.
      dataset, ground_truth: "streets" and "rendered", the only kind there is.

    Raises:
      UserError: the split does not exist, or a number is too small.
    """

    split: str
    num_scenes: int
    height: int
    width: int
    seed: int = 0
    world: str = "streets"
    dataset: str = dataclasses.field(default="streets", init=False)
    ground_truth: str = dataclasses.field(default="rendered", init=False)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UserError(f"split {self.split!r} of streets must be one of {SPLITS}")
        if self.world not in WORLDS:
            raise UserError(
                f"world {self.world!r} of streets must be one of {tuple(WORLDS)}"
            )
        for field, least in (("num_scenes", 0), ("height", 1), ("width", 1)):
            value = getattr(self, field)
            if value < least:
                raise UserError(f"{field} = {value} of streets: must be >= {least}")

    def __len__(self) -> int:
        """Counts the scenes."""
        return self.num_scenes

    def read(self, index: int) -> Example:
        """Renders a scene.

        Raises:
          IndexError: there are not so many scenes.
        """
        if not 0 <= index < self.num_scenes:
            raise IndexError(f"scene {index} of {self.num_scenes}")
        # One key for each number, and one number for each split and index: the
        # generator's mixing is a permutation, so that no two scenes share a key.
        number = index * len(SPLITS) + SPLITS.index(self.split)
        key = jax.random.fold_in(jax.random.key(self.seed), number)
        rendered = WORLDS[self.world].render(key, self.height, self.width)
        return Example(name=self.expected[index], **rendered._asdict())

    def identity(self) -> Mapping[str, Any]:
        """Returns everything that determines the scenes."""
        return dataclasses.asdict(self) | {"renderer": WORLDS[self.world].version}

    @property
    def place(self) -> str:
        """Where the scenes come from."""
        return f"rendered from seed {self.seed}{self._of_world}"

    @property
    def _of_world(self) -> str:
        return "" if self.world == "streets" else f" of the {self.world} world"

    @functools.cached_property
    def expected(self) -> Sequence[str]:
        """The names of all scenes."""
        return [f"{self.split}/{index:06d}" for index in range(self.num_scenes)]


def encode_image(image: np.ndarray, image_format: str = "PNG") -> bytes:
    """Encodes an RGB image as PNG, or as JPEG of high quality."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, image_format, quality=95)
    return stream.getvalue()
