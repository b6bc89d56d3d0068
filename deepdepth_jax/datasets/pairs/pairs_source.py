"""Reads a split of the user's own pairs, as far as they are there."""

import dataclasses
import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepdepth_jax.config import UntaggedDepth
from deepdepth_jax.datasets.alignment import Alignment
from deepdepth_jax.datasets.files import read_bytes
from deepdepth_jax.datasets.images import read_image
from deepdepth_jax.datasets.pairs.depth_files import read_depth
from deepdepth_jax.datasets.pairs.manifest import SPLITS, Pair, read_manifest
from deepdepth_jax.datasets.source import ImageFile, Source, on_all_cores
from deepdepth_jax.errors import UserError
from deepdepth_jax.types import Example

REMEDY = "save both upright, or set data.pairs.untagged_depth=upright or =as_image"
"""Handling of a depth map without an orientation tag, whose image has one."""


@dataclasses.dataclass(frozen=True)
class PairsSource(Source):
    """One split of a manifest: the pairs whose image and depth are on disk.

    They come in the order of their names.

    Attributes:
      manifest: a `.jsonl` or `.csv` file. See `manifest.read_manifest`, also for the
        default splits.
      split: "train", "val" or "test".
      depth_unit_m: length of one unit of the depth files in metres: 1.0 for metres,
        .001 for millimetres, 1 / 256 for maps in KITTI's format.
      untagged_depth: the field `data.pairs.untagged_depth`.
      dataset, ground_truth: "pairs" and "given", or "pseudo" and "predicted".

    Raises:
      UserError: the split does not exist, the unit is no length, or something is wrong
        with the manifest.
    """

    manifest: str | Path
    split: str
    depth_unit_m: float
    untagged_depth: UntaggedDepth = "refuse"
    dataset: str = "pairs"
    ground_truth: str = "given"

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UserError(f"split {self.split!r} of pairs must be one of {SPLITS}")
        if not 0 < self.depth_unit_m < math.inf:
            raise UserError(
                f"data.pairs.depth_unit_m = {self.depth_unit_m}: must be the length of "
                "one unit of the depth files in metres, such as 1.0 or 0.001"
            )
        len(self)  # so that faults of the manifest are reported now

    def __len__(self) -> int:
        """Counts the pairs that are there."""
        return len(self._found)

    def read(self, index: int) -> Example:
        """Reads a pair.

        Raises:
          UserError: one of its files is broken, or they differ in size. Names it.
        """
        pair = self._found[index]
        image = read_image(pair.image)
        if pair.sha256:
            _check_content(pair)
        alignment = Alignment(
            pair.image, image.shape[:2], pair.depth, self.untagged_depth, REMEDY
        )
        depth_m = read_depth(pair.depth, self.depth_unit_m, alignment.check_size)
        return Example(pair.name, image, alignment.lay(depth_m), pair.focal_px)

    def files(self, index: int) -> tuple[Path, Path]:
        """Returns the image and the depth file of a pair."""
        return self._found[index].image, self._found[index].depth

    def image_files(self) -> list[ImageFile]:
        """Lists the images of the split that are there. See `Source.image_files`."""
        return [
            ImageFile(pair.name, pair.image, pair.focal_px)
            for pair in self._pairs
            if _size_bytes(pair.image) is not None
        ]

    def identity(self) -> Mapping[str, Any]:
        """Returns names, sizes and focal lengths of the pairs, but not their folder.

        And the digests of depth files whose line has one.
        """
        is_default = self.untagged_depth == "refuse"
        return {
            "split": self.split,
            "depth_unit_m": self.depth_unit_m,
            # Left out by default, so that older records are still found.
            **({} if is_default else {"untagged_depth": self.untagged_depth}),
            "files": {
                pair.name: [*self._sizes_bytes[pair.name], pair.focal_px]
                + ([pair.sha256] if pair.sha256 else [])
                for pair in self._found
            },
        }

    @property
    def split_title(self) -> str:
        """Names the split and the manifest."""
        return f"{self.split} of {self.manifest}"

    @property
    def place(self) -> str:
        """The folder that the manifest's paths begin at."""
        return f"under {Path(self.manifest).parent}"

    @functools.cached_property
    def expected(self) -> Sequence[str]:
        """The names of the pairs of the split."""
        return [pair.name for pair in self._pairs]

    @functools.cached_property
    def listed(self) -> Sequence[str]:
        """The names of the pairs of the split, in the order of the manifest."""
        pairs = read_manifest(self.manifest)
        return [pair.name for pair in pairs if pair.split == self.split]

    @property
    def missing(self) -> Mapping[str, Sequence[str]]:
        """The pairs that lack a file, by which one."""
        sizes = self._sizes_bytes
        lacks = {
            "image": [name for name in self.expected if sizes[name][0] is None],
            "depth": [
                name
                for name in self.expected
                if sizes[name][0] is not None and sizes[name][1] is None
            ],
        }
        return {what: names for what, names in lacks.items() if names}

    @property
    def without_focal_length(self) -> Sequence[str]:
        """The pairs for which the manifest gives none."""
        return [pair.name for pair in self._found if not pair.focal_px]

    def report(self) -> str:
        """See `Source`."""
        report = super().report()
        is_named = self._pairs or self.split == "val"  # training does without
        return report if is_named else f"{report}; no row has the split {self.split}"

    @functools.cached_property
    def _pairs(self) -> list[Pair]:
        # Sorted, as prepared records are found again whatever the order of the lines.
        pairs = sorted(read_manifest(self.manifest), key=lambda pair: pair.name)
        return [pair for pair in pairs if pair.split == self.split]

    @functools.cached_property
    def _sizes_bytes(self) -> dict[str, tuple[int | None, int | None]]:
        """Sizes of image and depth file. None for one that does not exist."""

        def look(index: int) -> tuple[int | None, int | None]:
            pair = self._pairs[index]
            return _size_bytes(pair.image), _size_bytes(pair.depth)

        # All at once, as each may have to be asked for over a network.
        sizes = on_all_cores(look, len(self._pairs))
        return dict(zip(self.expected, sizes, strict=True))

    @functools.cached_property
    def _found(self) -> list[Pair]:
        return [
            pair for pair in self._pairs if None not in self._sizes_bytes[pair.name]
        ]


def _check_content(pair: Pair) -> None:
    """Refuses a depth file of another content than its line of the manifest tells."""
    found = hashlib.sha256(read_bytes(pair.depth)).hexdigest()
    if found != pair.sha256:
        raise UserError(
            f"{pair.depth}: its SHA-256 is {found}, not that of {pair.origin}; copy "
            "the file again, or correct the line"
        )


def _size_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be opened ({error}); check its name in the manifest and "
            "its permissions"
        ) from error
