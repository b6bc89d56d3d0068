"""Finds the images and videos to predict."""

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from deepdepth_jax.errors import UserError
from deepdepth_jax.predict.folders import IMAGE_SUFFIXES, LeftOut, search
from deepdepth_jax.predict.video import VIDEO_SUFFIXES


@dataclasses.dataclass(frozen=True)
class InputFile:
    """A file to predict.

    Attributes:
      path: of an image or a video.
      target: where results go: their names are this with an ending.
    """

    path: Path
    target: Path

    @property
    def is_video(self) -> bool:
        """Whether its name is a video's."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclasses.dataclass(frozen=True)
class InputImage:
    """An image, or a frame of a video.

    Attributes:
      target: where results go: their names are this with an ending.
      image: RGB.
      focal_px: focal length of its camera, in its pixels; 0 = as in training.
    """

    target: Path
    image: UInt8[np.ndarray, "h w 3"]
    focal_px: float


@dataclasses.dataclass(frozen=True)
class Found:
    """The content of the command's inputs.

    Attributes:
      files: files to predict.
      left_out: skipped files of the input folders.
    """

    files: list[InputFile]
    left_out: list[LeftOut]


def find_sources(inputs: Sequence[Path], output: Path) -> Found:
    """Finds the files among the inputs, and those anywhere below the folders.

    Results lie in the output folder as their sources do below the input folder, under
    the same name without its suffix. Where several would have the same name, the
    suffix stays: `a.png` and `a.jpg` become `a.png_depth.png` and `a.jpg_depth.png`.

    Args:
      inputs: files and folders.
      output: folder of the results.

    Returns:
      The files to predict, and those that were left out.

    Raises:
      UserError: there is nothing, or results would overwrite each other.
    """
    found: dict[tuple[Path, Path], None] = {}
    left_out: dict[LeftOut, None] = {}
    for path in inputs:
        if path.is_file():
            found[path, Path(path.name)] = None
            continue
        files, others = _search(path, output)
        found |= dict.fromkeys((file, file.relative_to(path)) for file in files)
        left_out |= dict.fromkeys(others)
    short = collections.Counter(relative.with_suffix("") for _, relative in found)
    sources = []
    for path, relative in found:
        is_alone = short[relative.with_suffix("")] == 1
        name = relative.stem if is_alone else relative.name
        sources.append(InputFile(path, output / relative.parent / name))
    _check_no_two_share_a_target(sources)
    return Found(sources, list(left_out))


def _search(path: Path, output: Path) -> tuple[list[Path], list[LeftOut]]:
    if not path.is_dir():
        problem = "is no regular file" if path.exists() else "there is no such file"
        raise UserError(f"--input={path}: {problem} or folder")
    if path.resolve() == output.resolve():
        raise UserError(
            f"--output={output}: is the folder of the images; choose another, or the "
            "next run would read results as images"
        )
    files, left_out = search(path, output)
    if not files:
        listed = ", ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
        raise UserError(f"--input={path}: has no images or videos ({listed})")
    return files, left_out


def _check_no_two_share_a_target(sources: Iterable[InputFile]) -> None:
    first: dict[Path, Path] = {}
    for source in sources:
        other = first.setdefault(source.target, source.path)
        if other != source.path:
            raise UserError(
                f"--input: {other} and {source.path} would write the same files; "
                "predict each with its own --output"
            )
