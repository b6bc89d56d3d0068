"""How this package came onto the machine: hints fit that, and name no other package."""

import importlib.metadata
import importlib.util
import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.requirements import Requirement

from deepdepth_jax.errors import UserError

DISTRIBUTION = "deepdepth-jax"


def install_command(extra: str) -> str:
    """Returns the command that installs one of this package's extras.

    The name alone would make pip ask a public index, where it may be anybody's. A
    package that was installed from a checkout, a file, a folder or a repository is
    named by its origin (PEP 610). Otherwise the command lists the extra's packages.

    Args:
      extra: one of `project.optional-dependencies` in pyproject.toml.
    """
    found = list(importlib.metadata.distributions(name=DISTRIBUTION))
    # A checkout's own folder comes first there, and does not have the file.
    origin = next(filter(None, (it.read_text("direct_url.json") for it in found)), None)
    if origin is None:
        options: Sequence[str] = list(_packages(found[0].requires or [], extra))
    else:
        options = _options(json.loads(origin), extra)
    return shlex.join([sys.executable, "-m", "pip", "install", *options])


def require(extra: str, packages: Iterable[str], needed_by: str) -> None:
    """Checks that packages of an extra are there, without importing them.

    Args:
      extra: one of `project.optional-dependencies` in pyproject.toml.
      packages: the names that they are imported by.
      needed_by: for the message, such as "training needs".

    Raises:
      UserError: one is missing.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"{needed_by} the extra {extra} ({package} is missing): "
                f"{install_command(extra)}"
            )


def _options(origin: Mapping[str, Any], extra: str) -> list[str]:
    """Names the package as pip was told where it is."""
    url: str = origin["url"]
    if origin.get("dir_info", {}).get("editable"):
        return ["-e", f"{url2pathname(urlsplit(url).path)}[{extra}]"]
    if "vcs_info" in origin:
        repository = origin["vcs_info"]
        url = f"{repository['vcs']}+{url}@{repository['commit_id']}"
    if "subdirectory" in origin:
        url += f"#subdirectory={origin['subdirectory']}"
    return [f"{DISTRIBUTION}[{extra}] @ {url}"]


def _packages(requirements: Sequence[str], extra: str) -> Iterator[str]:
    for line in requirements:
        requirement = Requirement(line)
        if (marker := requirement.marker) is None or marker.evaluate({"extra": ""}):
            continue  # a package of the base
        if marker.evaluate({"extra": extra}):
            requirement.marker = None
            yield str(requirement)
