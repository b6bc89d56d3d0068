"""Bounds the sum of the uploads and results that the page keeps."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from deepdepth_jax.errors import UserError

MOST_BYTES = 2 * 2**30


class Storage:
    """A folder in which the oldest files make room for new ones.

    Files that it holds at the start, such as the examples, stay.

    Args:
      folder: for all files that the page and Gradio write.
      most_bytes: bound of the sum of the files' sizes.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self._most_bytes = most_bytes
        self._incoming_bytes = 0
        self._lock = threading.Lock()
        self._staying = frozenset(folder.rglob("*"))

    @contextlib.contextmanager
    def receiving(self, num_bytes: int) -> Iterator[None]:
        """Makes room for an upload, and removes the files of a broken one after it.

        Args:
          num_bytes: size of the upload.

        Yields:
          Nothing.

        Raises:
          UserError: the uploads at this moment exceed the bound.
        """
        with self._lock:
            if self._incoming_bytes + num_bytes > self._most_bytes:
                raise UserError("Too many uploads at once: try again.")
            self._incoming_bytes += num_bytes
            self._remove_oldest(self._incoming_bytes)
        try:
            yield
        finally:
            with self._lock:
                self._incoming_bytes -= num_bytes
                if not self._incoming_bytes:
                    self._remove_partial()

    def make_room(self, num_bytes: int) -> None:
        """Removes empty files, and the oldest ones until `num_bytes` fit."""
        with self._lock:
            self._remove_oldest(self._incoming_bytes + num_bytes)
            if not self._incoming_bytes:
                self._remove_partial()

    def _remove_oldest(self, room_bytes: int) -> None:
        files = list(self._files())
        total_bytes = sum(stat.st_size for _, stat in files) + room_bytes
        for path, stat in sorted(files, key=lambda pair: pair[1].st_mtime_ns):
            if total_bytes <= self._most_bytes:
                return
            path.unlink(missing_ok=True)
            total_bytes -= stat.st_size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in self._staying:
                with contextlib.suppress(FileNotFoundError):  # Gradio removes them too
                    yield path, path.stat()

    def _remove_partial(self) -> None:
        """Removes broken uploads and empty files, which Gradio leaves at the top."""
        for path, _ in self._files():
            if path.parent == self.folder:
                path.unlink(missing_ok=True)
