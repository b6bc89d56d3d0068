"""The names that predictions of an image go by in this field."""

import collections
import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_KITTI = re.compile(
    r"(?P<drive>(?P<date>\d{4}_\d\d_\d\d)_drive_\d{4}_sync)/"
    r"(?P<camera>image_0\d)/(?:data/)?(?P<index>\d{10})"
)
KITTI_NAMES = (
    "{date}/{drive}/{camera}/data/{index}",  # KITTI's raw data
    "{drive}/{camera}/{index}",
    "{drive}_{camera}_{index}",
    "{drive}_image_{index}_{camera}",  # KITTI's depth selection
    "{drive}_{index}_{camera}",
    "{drive}_{index}",  # BTS, AdaBins
)
"""Names of a KITTI frame's files, without their suffix."""

Scheme = Callable[[str], str | None]
"""Names the file of an image, without its suffix. None if it has no such name."""


def stems_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Lists the stems of files that may hold the prediction of each image of a split.

    - The image's name without the suffix of an image file, then with it, as a path or
      with `_` for `/`.
    - For KITTI's frames, `KITTI_NAMES`.
    - The image's name without its first folders.

    A scheme counts if it tells all images of the split apart. A stem that stands for
    several images in different schemes counts for none, unless it is the whole name of
    one of them.

    Args:
      names: of all images of the split.

    Returns:
      Stems by the image's name, in the order in which they are to be tried.
    """
    depth = max((len(_parts(name)) for name in names), default=0)
    whole, *parts = (_name_schemes(first) for first in range(depth))
    schemes = [*whole, *map(_kitti_scheme, KITTI_NAMES), *itertools.chain(*parts)]
    stems: dict[str, list[str]] = {name: [] for name in names}
    for scheme in schemes:
        of_name = {name: stem for name in names if (stem := scheme(name)) is not None}
        if len(set(of_name.values())) == len(of_name):
            for name, stem in of_name.items():
                stems[name].append(stem)
    claims = collections.Counter(s for of_one in stems.values() for s in set(of_one))
    own = whole[0]
    return {
        name: [s for s in dict.fromkeys(of_one) if claims[s] == 1 or s == own(name)]
        for name, of_one in stems.items()
    }


def _name_schemes(first: int) -> list[Scheme]:
    """Lists the schemes by an image's name without so many of its first folders."""

    def scheme(separator: str, with_suffix: bool) -> Scheme:
        def stem(name: str) -> str | None:
            *folders, file = _parts(name)
            if first > len(folders):
                return None
            path = PurePosixPath(file)
            has_suffix = path.suffix.lower() in IMAGE_SUFFIXES
            last = path.stem if has_suffix and not with_suffix else file
            return separator.join([*folders[first:], last])

        return stem

    return [scheme(separator, suffix) for suffix in (False, True) for separator in "/_"]


def _kitti_scheme(form: str) -> Scheme:
    def stem(name: str) -> str | None:
        found = _KITTI.search(name)
        return form.format(**found.groupdict()) if found else None

    return stem


def _parts(name: str) -> list[str]:
    """Splits a name, which may be any path, into parts that stay below a folder."""
    return [part for part in PurePosixPath(name).parts if part not in ("/", "..")]
