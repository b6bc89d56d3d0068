"""What is to be predicted: finds images and videos."""

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from deepdepth_jax.errors import UserError
from deepdepth_jax.predict.video import VIDEO_SUFFIXES

PICTURE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)


@dataclasses.dataclass(frozen=True)
class InputFile:
    """A file to predict.

    Attributes:
      path: of a picture or a video.
      target: where results go: their names are this with an ending.
    """

    path: Path
    target: Path

    @property
    def is_video(self) -> bool:
        """Whether its name is a video's."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture, or a frame of a video.

    Attributes:
      target: where results go: their names are this with an ending.
      image: RGB.
    """

    target: Path
    image: UInt8[np.ndarray, "h w 3"]


def find_sources(inputs: Sequence[Path], output: Path) -> list[InputFile]:
    """Lists the files among the inputs, and what is anywhere below the folders.

    Results lie in the output folder as their sources do below the input folder, under
    the same name without its suffix. Where several would have the same name, the
    suffix stays: `a.png` and `a.jpg` become `a.png_depth.png` and `a.jpg_depth.png`.
    What lies in the output folder is the result of an earlier run, and left out.

    Raises:
      UserError: there is nothing, or results would overwrite each other.
    """
    found = dict.fromkeys(pair for path in inputs for pair in _files(path, output))
    short = collections.Counter(relative.with_suffix("") for _, relative in found)
    sources = []
    for path, relative in found:
        is_alone = short[relative.with_suffix("")] == 1
        name = relative.stem if is_alone else relative.name
        sources.append(InputFile(path, output / relative.parent / name))
    _check_no_two_share_a_target(sources)
    return sources


def _files(path: Path, output: Path) -> Iterator[tuple[Path, Path]]:
    """Gives the files of an input, each with its path relative to it."""
    if path.is_file():
        yield path, Path(path.name)
        return
    if not path.is_dir():
        raise UserError(f"--input={path}: there is no such file or folder")
    if path.resolve() == output.resolve():
        raise UserError(
            f"--output={output}: is the folder of the pictures; take another, or the "
            "next run would take results for pictures"
        )
    suffixes = PICTURE_SUFFIXES | VIDEO_SUFFIXES
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in suffixes
        and not file.is_dir()
        and not file.resolve().is_relative_to(output.resolve())
    ]
    if not found:
        listed = ", ".join(sorted(suffixes))
        raise UserError(f"--input={path}: no pictures and no videos there ({listed})")
    yield from ((file, file.relative_to(path)) for file in found)


def _check_no_two_share_a_target(sources: Iterable[InputFile]) -> None:
    first: dict[Path, Path] = {}
    for source in sources:
        other = first.setdefault(source.target, source.path)
        if other != source.path:
            raise UserError(
                f"--input: {other} and {source.path} would have the same results; "
                "predict them one after the other, with another --output each"
            )
