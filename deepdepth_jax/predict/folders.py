"""Searches folders for images and videos, and records skipped files."""

import dataclasses
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from deepdepth_jax.predict.video import VIDEO_SUFFIXES

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
LEFTOVER_NAMES = frozenset(
    {
        "#recycle",
        "$recycle.bin",
        "@eadir",
        "__macosx",
        "desktop.ini",
        "ehthumbs.db",
        "lost+found",
        "system volume information",
        "thumbs.db",
    }
)
"""Lower-case names of files that systems put beside the user's."""
MOST_NAMED = 20
"""Of the paths that are left out for one reason."""


@dataclasses.dataclass(frozen=True, order=True)
class LeftOut:
    """A file or folder that is left out.

    Attributes:
      reason: kind of file, to follow a number.
      path: where it is.
    """

    reason: str
    path: Path


def search(folder: Path, output: Path) -> tuple[list[Path], list[LeftOut]]:
    """Finds the images and videos anywhere below a folder.

    Links are followed, to folders too, but not to a folder that holds the link.

    Args:
      folder: where to search.
      output: where results go. If it lies below `folder`, it is left out.

    Returns:
      The files in the order of their paths, and all that is left out.
    """
    files, left_out = [], []
    results: Path | None = output.resolve()
    if folder.resolve().is_relative_to(output.resolve()):
        results = None  # they come to lie beside the folder, not in it
    waiting = [(folder, frozenset({_identity(folder)}))]
    while waiting:
        parent, above = waiting.pop()
        try:
            children = list(parent.iterdir())
        except PermissionError:
            left_out.append(LeftOut("may not be read", parent))
            continue
        for path in children:
            if reason := _reason_to_leave_out(path, above, results):
                left_out.append(LeftOut(reason, path))
            elif path.is_dir():
                waiting.append((path, above | {_identity(path)}))
            else:
                files.append(path)
    return sorted(files), sorted(left_out)


def _reason_to_leave_out(
    path: Path, above: frozenset[tuple[int, int]], results: Path | None
) -> str:
    """Returns why a path is left out. Empty if it is not."""
    if is_leftover(path.name):
        return "of the system or an editor"
    if path.is_dir():
        if _identity(path) in above:
            return "linked to a folder that holds it"
        if results is not None and path.resolve().is_relative_to(results):
            return "with results of this command"
        return ""
    if not path.is_file():
        return "no regular file"
    is_known = path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES
    return "" if is_known else "neither image nor video"


def is_leftover(name: str) -> bool:
    """Returns whether a name is that of a system's or an editor's side file.

    These are hidden files and folders (`.DS_Store`, `._a.jpg`, `.ipynb_checkpoints`),
    backups and locks of editors (`a.png~`, `#a.png#`, `~$a.png`) and `LEFTOVER_NAMES`.
    """
    is_backup = name.endswith(("~", "#")) or name.startswith("~$")
    return name.startswith(".") or is_backup or name.lower() in LEFTOVER_NAMES


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def describe(left_out: Sequence[LeftOut]) -> list[str]:
    """Lists skipped files, one line per reason."""
    if not left_out:
        return []
    lines = [f"left out: {len(left_out)}"]
    for reason, group in itertools.groupby(sorted(left_out), lambda each: each.reason):
        names = [_name(each.path) for each in group]
        more = len(names) - MOST_NAMED
        listed = [*names[:MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]
        lines.append(f"  {len(names)} {reason}: {', '.join(listed)}")
    return lines


def _name(path: Path) -> str:
    return f"{path}{os.sep}" if path.is_dir() else str(path)
