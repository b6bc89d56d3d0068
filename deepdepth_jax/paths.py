"""Paths as people write them."""

import os


def expand_home(path: str) -> str:
    """Expands `~` and `~name` at the start of a path, as a shell does.

    Shells leave them as they are behind `=`. A path that names no user stays as it is.
    """
    return os.path.expanduser(path)  # noqa: PTH111 - Path's own raises for no user
