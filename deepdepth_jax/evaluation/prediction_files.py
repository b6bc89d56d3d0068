"""Depth maps that any program has predicted, found by the names of their images."""

import abc
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Shaped

from deepdepth_jax.datasets.files import SizeCheck
from deepdepth_jax.datasets.pairs.depth_files import read_depth
from deepdepth_jax.datasets.pairs.depth_formats import BROKEN_NUMPY_HEADER
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.naming import stems_of

UNITS_M = {".npy": 1.0, ".png": 1 / 256}
"""Metres that one unit of a file stands for, by its suffix, as `predict` writes it."""
ENDINGS = tuple(end + suffix for end in ("_depth", "") for suffix in UNITS_M)
"""Endings of a stem, in the order in which they are tried."""
DISPARITIES = "disps"
"""How monodepth2 names arrays that hold disparity in place of depth."""


class PredictedMaps(abc.ABC):
    """Depth maps by the names of their images."""

    @abc.abstractmethod
    def origin(self, name: str) -> str:
        """Names where the map of an image lies, for people to read."""

    @abc.abstractmethod
    def read(self, name: str, check_size: SizeCheck) -> Float32[np.ndarray, "y x"]:
        """Reads the map of an image.

        Args:
          name: of the image.
          check_size: refuses the map by its height and width, before it is unpacked.

        Returns:
          Metres. 0 where there is none: at values that are 0, negative or not finite.

        Raises:
          UserError: it is broken, or no depth map.
        """


def open_predictions(path: Path, source: Source) -> PredictedMaps:
    """Finds the map of every image of a split.

    Args:
      path: a folder of files, or one .npy file with all maps, (n, h, w), in the order
        of the user's list of images.
      source: the split.

    Raises:
      UserError: there is no such folder or file, or a map is missing.
    """
    if path.is_dir():
        return MapFolder.find(path, source)
    if path.suffix == ".npy" and path.is_file():
        return MapStack.open(path, source)
    raise UserError(f"--predictions={path}: no such folder or .npy file")


@dataclasses.dataclass(frozen=True)
class MapFolder(PredictedMaps):
    """A folder with a file for each image.

    Attributes:
      files: by the image's name.
    """

    files: Mapping[str, Path]

    @classmethod
    def find(cls, folder: Path, source: Source) -> "MapFolder":
        """Finds the files of all images of a split that are there.

        See `naming.stems_of` and `ENDINGS` for their names.

        Args:
          folder: folder of the predictions.
          source: the split.

        Returns:
          The files by image.

        Raises:
          UserError: some have none.
        """
        present = source.present
        stems = stems_of([*source.expected, *source.without_ground_truth])
        exists = _lister(folder)
        files: dict[str, Path] = {}
        for name in present:
            paths = (stem + ending for stem in stems[name] for ending in ENDINGS)
            if (found := next(filter(exists, paths), None)) is not None:
                files[name] = folder / found
        if missing := [name for name in present if name not in files]:
            raise UserError(
                f"--predictions={folder}: no file for {len(missing)} of {len(present)} "
                f"images, the first of them {missing[0]}: name it "
                f"{' or '.join(_examples(stems[missing[0]]))}"
            )
        return cls(files)

    def origin(self, name: str) -> str:
        """Names the file."""
        return str(self.files[name])

    def read(self, name: str, check_size: SizeCheck) -> Float32[np.ndarray, "y x"]:
        """Reads the file."""
        path = self.files[name]
        return read_depth(path, UNITS_M[path.suffix], check_size)


def _examples(stems: Sequence[str]) -> list[str]:
    first, *_, last = [*stems, *stems]
    return [f"{first}.npy (metres)", f"{last}.png (16 bit, metres x 256)"]


def _lister(folder: Path) -> Callable[[str], bool]:
    """Returns a function that looks for files, and reads each folder only once."""

    @functools.cache
    def names_in(below: Path) -> frozenset[str]:
        if not below.is_dir():
            return frozenset()
        return frozenset(path.name for path in below.iterdir())

    def exists(relative: str) -> bool:
        path = folder / relative
        return path.name in names_in(path.parent)

    return exists


@dataclasses.dataclass(frozen=True)
class MapStack(PredictedMaps):
    """One array with a map for each line of a list, as monodepth2's users have it.

    Attributes:
      path: of the .npy file.
      maps: in metres.
      places: of the maps, by the image's name.
    """

    path: Path
    maps: Shaped[np.ndarray, "n y x"]
    places: Mapping[str, int]

    @classmethod
    def open(cls, path: Path, source: Source) -> "MapStack":
        """Opens the file, whose maps are read when they are needed.

        Args:
          path: an .npy file (n, h, w).
          source: the split.

        Returns:
          The maps by image.

        Raises:
          UserError: it holds no such array, or as many maps as the list has not.
        """
        what = f"--predictions={path}"
        if path.name.startswith(DISPARITIES):
            raise UserError(
                f"{what}: its name says disparity; save depth in metres under another "
                "name"
            )
        listed = source.listed
        if listed is None:
            raise UserError(
                f"{what}: an array needs a list of frames for its order: set "
                f"--config.data.{source.dataset}.{source.split}_list=FILE"
            )
        maps = _open_array(path, what)
        if len(maps) != len(listed):
            raise UserError(
                f"{what}: holds {len(maps)} maps, and the list of {source.split_title} "
                f"has {len(listed)} images"
            )
        return cls(path, maps, {name: place for place, name in enumerate(listed)})

    def origin(self, name: str) -> str:
        """Names the file and the place in it."""
        return f"{self.path}, map {self.places[name]} ({name})"

    def read(self, name: str, check_size: SizeCheck) -> Float32[np.ndarray, "y x"]:
        """Reads the map."""
        check_size((self.maps.shape[1], self.maps.shape[2]))
        with np.errstate(over="ignore"):
            depth_m = np.array(self.maps[self.places[name]], np.float32)
        depth_m[~(np.isfinite(depth_m) & (depth_m > 0))] = 0
        return depth_m


def _open_array(path: Path, what: str) -> Float[np.ndarray, "n y x"]:
    try:
        maps = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, *BROKEN_NUMPY_HEADER) as error:
        raise UserError(
            f"{what}: is broken, cut off, or holds pickled objects; save maps of "
            "different sizes as a folder of files"
        ) from error
    if maps.ndim == 4 and 1 in (maps.shape[1], maps.shape[3]):
        maps = maps.reshape(len(maps), *(n for n in maps.shape[1:] if n != 1))
    if maps.ndim != 3 or maps.dtype.kind != "f":
        raise UserError(
            f"{what}: has the shape {maps.shape} and the type {maps.dtype}; must be "
            "floats, in metres, of shape (images, height, width)"
        )
    return maps
