"""Reads files of the user's. Every error names the file."""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from deepdepth_jax.errors import UserError

SizeCheck = Callable[[tuple[int, int]], None]
"""Refuses a map by its height and width, as its file declares them.

Readers call it before they allocate or unpack anything of that size. It raises
`UserError`.
"""


def read_bytes(path: Path) -> bytes:
    """Reads a whole file.

    Args:
      path: the file.

    Returns:
      The content.

    Raises:
      UserError: the file is missing, no regular file, not readable, or empty.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            raise UserError(f"{path}: cannot be read (not a file); name a file")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); check that it is there and "
            "that its permissions let you read it"
        ) from error
    if not data:
        raise UserError(f"{path}: is empty; copy or download it again")
    return data


def list_files(folder: Path) -> list[Path]:
    """Lists the files of a folder, and links to files. Empty if there is no folder.

    Reads the folder as a whole: to ask the disk for one file after the other takes
    minutes on a network drive.
    """
    try:
        with os.scandir(folder) as entries:
            return [folder / entry.name for entry in entries if entry.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def name_some(names: Sequence[str]) -> str:
    """Lists names for a report: all of a few, else the first ones."""
    if len(names) <= 3:
        return ", ".join(names)
    return f"{names[0]} and so on"
