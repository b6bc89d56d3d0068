"""The atomic write: a file appears whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deepdepth_jax.errors import UserError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a file to write beside `path` that takes its place when all went well.

    Raises:
      UserError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        # mkstemp makes files for the owner only; these are no secrets.
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
