"""The promise that a folder holds one adaptation only."""

import json
from pathlib import Path
from typing import Any

from deepdepth_jax.adapt.plan import Plan
from deepdepth_jax.config.load import flatten
from deepdepth_jax.config.sections import FIELDS
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.claim import versions
from deepdepth_jax.runtime.json_files import read_object
from deepdepth_jax.runtime.workdir import CONFIG_FILE

FILE = "adaptation.json"
NOT_COMPARED = frozenset({"adapt.rounds", "model.pretrained"})
"""More rounds may follow, and weights are known by their content."""


def check_same_adaptation(plan: Plan, workdir: Path) -> None:
    """Refuses a folder that holds a run, or an adaptation of other values.

    Raises:
      UserError: names the fields that differ.
    """
    if (workdir / CONFIG_FILE).exists():
        raise UserError(
            f"{workdir}: holds a run; choose another --workdir for the adaptation"
        )
    path = workdir / FILE
    if not path.exists():
        return
    stored, now = read_object(path, f"delete {workdir}"), _identity(plan)
    changed = [
        f"{name} is {stored.get(name)!r} there, {value!r} here"
        for name, value in now.items()
        if stored.get(name) != value
    ]
    if changed:
        raise UserError(
            f"{path}: holds an adaptation with other values ({'; '.join(changed)}); "
            "choose another --workdir, or the same values"
        )


def claim_adaptation(plan: Plan, workdir: Path) -> None:
    """Writes the values that decide the result."""
    described = _identity(plan) | {"versions": versions()}
    atomic.write(workdir / FILE, json.dumps(described, indent=2) + "\n")


def _identity(plan: Plan) -> dict[str, Any]:
    """Returns all that decides the result, as plain JSON values."""
    fields = {
        name: value
        for name, value in flatten(plan.config.to_dict())
        if not FIELDS[name].free or name.startswith("adapt.")
    }
    found = {"from": plan.digest, "source": plan.source} | {
        name: value for name, value in fields.items() if name not in NOT_COMPARED
    }
    return json.loads(json.dumps(found))  # tuples become lists, as in the file
