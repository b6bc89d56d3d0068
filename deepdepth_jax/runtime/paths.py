"""Paths as people write them."""

import os
from pathlib import Path

HUB = "hub:"
"""How the names of networks on the Hugging Face Hub begin."""


def expand_home(path: str) -> str:
    """Expands `~` and `~name` at the start of a path, as a shell does.

    Shells leave them as they are behind `=`. A path that names no user stays as it is.
    """
    return os.path.expanduser(path)  # noqa: PTH111 - Path's own raises for no user


def hub_name(source: str | Path) -> str | None:
    """Returns the name of a network on the hub, without `hub:`. None for paths."""
    text = str(source)
    return text.removeprefix(HUB) if text.startswith(HUB) else None


def cache_folder() -> Path:
    """Returns the user's folder of downloads and compiled programs.

    It lies below `XDG_CACHE_HOME` or `~/.cache`.
    """
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(expand_home(root)) / "deepdepth_jax"
