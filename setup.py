"""Says what pyproject.toml cannot.

`configs/` is installed inside the package. README's links lead out of it, to the files
of the repository at the version's tag, once its address is known.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from setuptools import find_packages, setup

CLASSIFIERS = [
    "Intended Audience :: Science/Research",
    "Programming Language :: Python :: 3.11",
    "Topic :: Scientific/Engineering :: Image Recognition",
    "Typing :: Typed",
]
README = Path("README.md")
RELATIVE_LINK = re.compile(r"(!?\[[^\]]*\])\((?![a-z]+:|#)([^)\s]+)\)")


def absolute(text: str, repository: str, tag: str) -> str:
    """Makes the relative links and images of a Markdown text absolute."""

    def linked(found: re.Match[str]) -> str:
        label, target = found.groups()
        kind = "raw" if label.startswith("!") else "blob"
        return f"{label}({repository}/{kind}/{tag}/{target})"

    return RELATIVE_LINK.sub(linked, text)


def version() -> str:
    """Reads the package's version without importing it."""
    text = Path("deepdepth_jax/__init__.py").read_text(encoding="utf-8")
    [found] = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(found)


def metadata(repository: str) -> dict[str, Any]:
    """Returns the metadata that depend on the repository's address.

    Without one, README's links lead nowhere on a package index, which shall refuse the
    distribution.
    """
    text = README.read_text(encoding="utf-8")
    if not repository:
        classifiers = [*CLASSIFIERS, "Private :: Do Not Upload"]
        return {"long_description": text, "classifiers": classifiers}
    tag = f"v{version()}"
    return {
        "long_description": absolute(text, repository, tag),
        "classifiers": CLASSIFIERS,
        "project_urls": {
            "Homepage": repository,
            "Documentation": f"{repository}/tree/{tag}/docs",
            "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
            "Issues": f"{repository}/issues",
        },
    }


with Path("pyproject.toml").open("rb") as file:
    REPOSITORY = tomllib.load(file)["tool"]["deepdepth_jax"]["repository"]

setup(
    packages=[*find_packages(include=["deepdepth_jax*"]), "deepdepth_jax.configs"],
    package_dir={"deepdepth_jax.configs": "configs"},
    long_description_content_type="text/markdown",
    **metadata(REPOSITORY.rstrip("/")),
)
