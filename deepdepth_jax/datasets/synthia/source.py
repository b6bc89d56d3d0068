"""Reads a split of SYNTHIA-RAND-CITYSCAPES from the user's folder."""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepdepth_jax.datasets.builder import Record, Source
from deepdepth_jax.datasets.files import (
    name_some,
    read_depth_png,
    read_image,
    require_same_size,
)
from deepdepth_jax.errors import UserError

FRAMES = 9400
SPLITS = ("train", "val", "test")
UNITS_PER_METRE = 100
UNKNOWN_FOCAL_PX = 0.0  # the data set does not come with its camera's


def split_of(index: int) -> str:
    """Tells the split of a frame, as the data set has no official one.

    Every tenth frame tests (940), one in a hundred of those between validates (94), so
    that no choice is made on test frames, and the rest trains (8 366).
    """
    if index % 10 == 0:
        return "test"
    return "val" if index % 100 == 5 else "train"


@dataclasses.dataclass(frozen=True)
class SynthiaSource(Source):
    """One split of SYNTHIA: the frames whose picture and depth are on disk.

    The sky is at the largest depth of the format, 655.35 m, and is passed on as such:
    it is known to be farther than any bin. The focal length is not known: 0.

    Attributes:
      root: holds `RGB/0000000.png` and so on, and `Depth` with files of the same names
        (`Depth/Depth` in some unpackings).
      split: "train", "val" or "test"; see `split_of`.
      ground_truth: "rendered", the only kind there is.

    Raises:
      UserError: the split does not exist, or `root` lacks one of the folders.
    """

    root: str | Path
    split: str
    ground_truth: str = dataclasses.field(default="rendered", init=False)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UserError(
                f"split {self.split!r} of SYNTHIA does not exist; use one of {SPLITS}"
            )
        for folder in ("RGB", "Depth"):
            if not (Path(self.root) / folder).is_dir():
                raise UserError(
                    f"data.root = {self.root}: has no folder {folder!r}; it must be "
                    "where SYNTHIA-RAND-CITYSCAPES was unpacked, with RGB/0000000.png "
                    "and Depth/0000000.png"
                )

    def __len__(self) -> int:
        """Counts the frames that are there."""
        return len(self._found)

    def read(self, index: int) -> Record:
        """Reads a frame.

        Raises:
          UserError: one of its files is broken; names it.
        """
        name = self._found[index]
        image_path = self._image_folder / name
        depth_path = self._depth_folder / name
        image, size = read_image(image_path)
        depth_m = read_depth_png(depth_path, UNITS_PER_METRE, channels=3)
        require_same_size(image_path, size, depth_path, depth_m.shape)
        return Record(Path(name).stem, image, depth_m, UNKNOWN_FOCAL_PX)

    def identity(self) -> Mapping[str, Any]:
        """Tells names and sizes of the files used, but not the folder they are in."""
        digest = hashlib.sha256()
        for name in self._found:
            for folder in (self._image_folder, self._depth_folder):
                size = (folder / name).stat().st_size
                digest.update(f"{name} {size}\n".encode())
        return {"split": self.split, "files": digest.hexdigest()}

    def report(self) -> str:
        """Says in one line how many frames are there, and which are missing."""
        text = (
            f"synthia {self.split}: {len(self)} of {len(self._expected)} frames under "
            f"{self.root}"
        )
        there = set(self._found)
        missing = [name for name in self._expected if name not in there]
        if missing:
            text += f"; {len(missing)} without picture or depth: {name_some(missing)}"
        return text

    @functools.cached_property
    def _image_folder(self) -> Path:
        return Path(self.root) / "RGB"

    @functools.cached_property
    def _depth_folder(self) -> Path:
        depth = Path(self.root) / "Depth"
        return depth / "Depth" if (depth / "Depth").is_dir() else depth

    @functools.cached_property
    def _expected(self) -> list[str]:
        indices = (i for i in range(FRAMES) if split_of(i) == self.split)
        return [f"{index:07d}.png" for index in indices]

    @functools.cached_property
    def _found(self) -> list[str]:
        pictures = {path.name for path in self._image_folder.iterdir()}
        there = pictures & {path.name for path in self._depth_folder.iterdir()}
        return [name for name in self._expected if name in there]
