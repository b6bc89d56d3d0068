#!/usr/bin/env bash
# Orbax joins the keys of a tree by dots. A tree {"a": {"b": x}, "a.b": y} is saved without
# an error, both arrays under one name, and loading returns one of them twice: which one
# changes from run to run. Where the shapes differ, saving raises.
#
# One would guess: both come back, or saving refuses the second.
#
# Seen with orbax-checkpoint 0.12.8, jax 0.10.2 and jaxlib 0.10.2 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "orbax-checkpoint==0.12.8" "jax==0.10.2" "jaxlib==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
from pathlib import Path

import jax.numpy as jnp
from orbax.checkpoint import v1 as ocp

tree = {"a": {"b": jnp.zeros(3)}, "a.b": jnp.ones(3)}
for index in range(4):
    path = Path(f"tree{index}").resolve()
    ocp.save(path, tree)
    loaded = ocp.load(path)
    nested, dotted = loaded["a"]["b"].tolist(), loaded["a.b"].tolist()
    print(f"saved [0, 0, 0] and [1, 1, 1], loaded {nested} and {dotted}")
    assert nested == dotted, "both arrays are kept now"
PY
echo "as described: of two arrays one is lost"
