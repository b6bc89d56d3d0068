"""What an installation is made from."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = (
    "deepdepth_jax",
    "configs",
    "pyproject.toml",
    "setup.py",
    "README.md",
    "LICENSE",
)


def copy_sources(folder: Path, *more: str) -> None:
    """Copies the sources, and more of the repository, into a folder."""
    folder.mkdir(exist_ok=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in (*SOURCES, *more):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
