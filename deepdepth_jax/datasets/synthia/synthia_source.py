"""Reads a split of SYNTHIA-RAND-CITYSCAPES from the user's folder."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepdepth_jax.datasets.alignment import Alignment
from deepdepth_jax.datasets.depth_png import read_depth_png
from deepdepth_jax.datasets.files import list_files
from deepdepth_jax.datasets.images import read_image
from deepdepth_jax.datasets.source import ImageFile, Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.types import Example

FRAMES = 9400
SPLITS = ("train", "val", "test")
UNITS_PER_METRE = 100


def split_of(index: int) -> str:
    """Returns the split of a frame, as the data set has no official one.

    Every tenth frame tests (940), one in a hundred of those between validates (94), so
    that no choice is made on test frames, and the rest trains (8 366).
    """
    if index % 10 == 0:
        return "test"
    return "val" if index % 100 == 5 else "train"


@dataclasses.dataclass(frozen=True)
class SynthiaSource(Source):
    """One split of SYNTHIA: the frames whose image and depth are on disk.

    The sky is at the largest depth of the format, 655.35 m, and is passed on as such:
    it is known to be farther than any bin.

    Attributes:
      root: holds `RGB/0000000.png` and so on, and `Depth` with files of the same names
        (`Depth/Depth` in some unpackings).
      split: "train", "val" or "test". See `split_of`.
      focal_px: of the camera, which the data set does not come with. 0 = unknown.
      dataset, ground_truth: "synthia" and "rendered", the only kind there is.

    Raises:
      UserError: the split does not exist, or `root` lacks one of the folders.
    """

    root: str | Path
    split: str
    focal_px: float = 0.0
    dataset: str = dataclasses.field(default="synthia", init=False)
    ground_truth: str = dataclasses.field(default="rendered", init=False)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UserError(f"split {self.split!r} of SYNTHIA must be one of {SPLITS}")
        for folder in ("RGB", "Depth"):
            if not (Path(self.root) / folder).is_dir():
                raise UserError(
                    f"data.root = {self.root}: has no folder {folder!r}; set it to the "
                    "folder of the unpacked SYNTHIA-RAND-CITYSCAPES, with "
                    "RGB/0000000.png and Depth/0000000.png"
                )

    def __len__(self) -> int:
        """Counts the frames that are there."""
        return len(self._found)

    def read(self, index: int) -> Example:
        """Reads a frame.

        Raises:
          UserError: one of its files is broken. Names it.
        """
        image_path, depth_path = self.files(index)
        image = read_image(image_path)
        alignment = Alignment(image_path, image.shape[:2], depth_path)
        depth_m = read_depth_png(
            depth_path, UNITS_PER_METRE, alignment.check_size, channels=3
        )
        return Example(self._found[index], image, depth_m, self.focal_px)

    def files(self, index: int) -> tuple[Path, Path]:
        """Returns the image and the depth map of a frame."""
        name = f"{self._found[index]}.png"
        return self._image_folder / name, self._depth_folder / name

    def image_files(self) -> list[ImageFile]:
        """Lists the images of the split that are there. See `Source.image_files`."""
        return [
            ImageFile(name, self._image_folder / f"{name}.png", self.focal_px)
            for name in self.expected
            if name in self._images
        ]

    def identity(self) -> Mapping[str, Any]:
        """Returns names and sizes of the files, but not their folder."""
        folders = (self._image_folder, self._depth_folder)
        return {
            "split": self.split,
            "focal_px": self.focal_px,
            "files": {
                name: [(folder / f"{name}.png").stat().st_size for folder in folders]
                for name in self._found
            },
        }

    @property
    def place(self) -> str:
        """Where the frames are looked for."""
        return f"under {self.root}"

    @functools.cached_property
    def expected(self) -> Sequence[str]:
        """The names of the frames of the split."""
        return [f"{i:07d}" for i in range(FRAMES) if split_of(i) == self.split]

    @property
    def missing(self) -> Mapping[str, Sequence[str]]:
        """The frames that lack a file, by which one."""
        images, depths = self._images, self._depths
        lacks = {
            "image": [n for n in self.expected if n not in images],
            "depth": [n for n in self.expected if n in images and n not in depths],
        }
        return {what: names for what, names in lacks.items() if names}

    @property
    def without_focal_length(self) -> Sequence[str]:
        """All frames, unless the config states the focal length."""
        return () if self.focal_px else self._found

    @functools.cached_property
    def _image_folder(self) -> Path:
        return Path(self.root) / "RGB"

    @functools.cached_property
    def _depth_folder(self) -> Path:
        depth = Path(self.root) / "Depth"
        return depth / "Depth" if (depth / "Depth").is_dir() else depth

    @functools.cached_property
    def _images(self) -> frozenset[str]:
        return _stems(self._image_folder)

    @functools.cached_property
    def _depths(self) -> frozenset[str]:
        return _stems(self._depth_folder)

    @functools.cached_property
    def _found(self) -> list[str]:
        there = self._images & self._depths
        return [name for name in self.expected if name in there]


def _stems(folder: Path) -> frozenset[str]:
    """Lists the PNG files of a folder by their names without suffix."""
    return frozenset(path.stem for path in list_files(folder) if path.suffix == ".png")
