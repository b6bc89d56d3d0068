"""The interface of a data set: a split whose frames are read one by one."""

import abc
import collections
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from deepdepth_jax.datasets.files import name_some
from deepdepth_jax.errors import UserError
from deepdepth_jax.types import Example

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """An image on disk, without its depth.

    Attributes:
      name: of the frame, unique in its split.
      path: of the file.
      focal_px: horizontal focal length in pixels of the image. 0 = unknown.
    """

    name: str
    path: Path
    focal_px: float


class Source(abc.ABC):
    """One split of a data set, where it comes from: the user's folder, or a seed."""

    dataset: str
    """The data set, as the config names it."""
    split: str
    ground_truth: str
    """The kind of depth, as protocols name it: `improved`, `lidar`, `rendered`..."""

    @property
    def split_title(self) -> str:
        """Names the split as numbers must be read with, such as "test of FILE"."""
        return self.split

    @property
    def ground_truth_title(self) -> str:
        """Names the kind of depth as numbers must be read with."""
        return self.ground_truth

    @abc.abstractmethod
    def __len__(self) -> int:
        """Counts the frames that are there, with their ground truth."""

    @abc.abstractmethod
    def read(self, index: int) -> Example:
        """Reads a frame that is there; may be called from several threads.

        Raises:
          UserError: one of its files is broken; names it.
        """

    def files(self, index: int) -> tuple[Path, Path] | None:
        """Returns the files of a frame's image and depth; None if there are none."""
        del index
        return None

    def image_files(self) -> list[ImageFile]:
        """Lists the images of the split that are there, whether they have depth or not.

        No depth is opened.

        Raises:
          UserError: the images are rendered when they are read, and are no files.
        """
        raise UserError(
            f"data.dataset={self.dataset}: its images are not files; write them to a "
            "folder first"
        )

    @abc.abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Tells all that decides the examples, as plain JSON values.

        Prepared records are found again by it: a frame more on disk, or another kind
        of ground truth, is another identity.
        """

    def digest(self) -> str:
        """Hashes the identity."""
        identity = json.dumps(dict(self.identity()), sort_keys=True)
        return hashlib.sha256(identity.encode()).hexdigest()[:12]

    def fingerprint(self) -> str:
        """Describes the identity in a few words that are equal only if it is."""
        return f"{len(self)} frames, sha256 {self.digest()}"

    @property
    @abc.abstractmethod
    def place(self) -> str:
        """Where the frames are looked for, for people to read."""

    @property
    @abc.abstractmethod
    def expected(self) -> Sequence[str]:
        """The names of the frames of the split that have this kind of ground truth."""

    @property
    def missing(self) -> Mapping[str, Sequence[str]]:
        """The missing frames, by the first file that they lack."""
        return {}

    @property
    def present(self) -> Sequence[str]:
        """The names of the frames that are there, in the order they are read in."""
        missing = {name for names in self.missing.values() for name in names}
        return [name for name in self.expected if name not in missing]

    @property
    def listed(self) -> Sequence[str] | None:
        """The names of all frames of the split in the order of the user's list.

        None if the split comes from no list and has no order that is generally known.
        """
        return self.expected

    @property
    def without_ground_truth(self) -> Sequence[str]:
        """Frames of the split that this kind of ground truth never existed for.

        They are not expected.
        """
        return ()

    @property
    def without_focal_length(self) -> Sequence[str]:
        """Frames that are there, but whose focal length is not known."""
        return ()

    def group(self, name: str) -> str:
        """Tells which part of the split a frame belongs to, such as its recording."""
        del name
        return self.split

    def report(self) -> str:
        """Summarises in one line the frames on disk and the frames left out.

        Returns:
          The line.
        """
        parts = [
            f"{self.dataset} {self.split_title} ({self.ground_truth_title}): "
            f"{len(self)} of {len(self.expected)} frames {self.place}"
        ]
        for lacks, names in self.missing.items():
            parts.append(f"{len(names)} without {lacks}: {name_some(names)}")
        if names := self.without_ground_truth:
            parts.append(
                f"{len(names)} further frames never had such depth: {name_some(names)}"
            )
        return "; ".join(parts)


def on_all_cores(function: Callable[[int], Result], count: int) -> Iterator[Result]:
    """Calls function(0), function(1), ... function(count - 1) on all cores.

    Decoding leaves Python's lock, so threads are enough.

    Args:
      function: the function of an index.
      count: number of calls.

    Yields:
      The results, in order; an exception is raised in its place.
    """
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        ahead: collections.deque[Future[Result]] = collections.deque()
        try:
            for index in range(count):
                ahead.append(pool.submit(function, index))
                # So that what is finished, but not yet fetched, stays little.
                if len(ahead) > 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
