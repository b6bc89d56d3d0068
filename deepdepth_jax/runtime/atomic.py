"""The one way to write a file: it appears whole under its name, or not at all.

The content goes to a hidden file in the same folder, is flushed to the disk, and takes
the file's name in one step. A reader, a kill or a full disk never meets half a file.
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from deepdepth_jax.errors import UserError

PREFIX = ".partial-"
"""How the names of hidden files begin. A kill may leave one behind."""

Content = str | bytes | Callable[[Path], object]
"""Text (UTF-8), bytes, or a function that writes to the path that it is given."""


def write(path: Path, content: Content) -> None:
    """Writes a file, replacing the one of that name.

    Args:
      path: the file. Missing folders are created.
      content: see `Content`. A function must keep the file's suffix.

    Raises:
      UserError: the file cannot be written, for want of room or of permission.
    """
    with replacement(path) as partial:
        if callable(content):
            content(partial)
        elif isinstance(content, str):
            partial.write_text(content, encoding="utf-8", newline="")
        else:
            partial.write_bytes(content)


@contextlib.contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """Yields an empty file, which replaces `path` when the block ends well.

    The empty file has the suffix of `path`, as many writers choose a format by it. An
    exception in the block deletes it and leaves `path` as it was.

    Args:
      path: file to replace.

    Yields:
      The path of the empty file.

    Raises:
      UserError: the file cannot be written, for want of room or of permission.
    """
    # A link stays a link, and the file that it points at is replaced.
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise UserError(f"{path}: is not a regular file; name another one")
    partial = target.with_name(f"{PREFIX}{secrets.token_hex(4)}{target.suffix}")
    with _user_errors(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(exist_ok=False)
    try:
        with _user_errors(path, of_file=partial):
            yield partial
            _flush(partial)
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def continuation(path: Path) -> Iterator[Path]:
    """Yields a file to append to, which replaces `path` when the block ends well.

    An exception or a kill leaves the file to the next block for the same path, unless
    the file is empty. Only one process at a time may be in such a block.

    Args:
      path: file to replace.

    Yields:
      The path of the file, which may not be there.

    Raises:
      OSError: the file cannot be written.
    """
    partial = path.with_name(f"{PREFIX}{path.name}")
    try:
        yield partial
        _flush(partial)
        partial.replace(path)
    finally:
        if partial.exists() and not partial.stat().st_size:
            partial.unlink()


@contextlib.contextmanager
def _user_errors(path: Path, of_file: Path | None = None) -> Iterator[None]:
    """Turns the system's errors, of one file or of any, into one line with the path."""
    try:
        yield
    except OSError as error:
        # Pillow and NumPy do not name the file that they fail to write. PyAV writes
        # `file:` before its name.
        if of_file is not None and str(of_file) not in str(error.filename or of_file):
            raise
        reason = error.strerror or error
        raise UserError(f"{path}: cannot be written ({reason})") from error


def _flush(path: Path) -> None:
    """Makes the disk hold the content before it holds the name."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())
