#!/usr/bin/env bash
# jax.export works right after `pip install jax`, up to the last step: an exported program
# cannot be serialized. That needs flatbuffers, which jax names in no requirement and in no
# extra, so that an environment finds out when it first saves a program.
#
# One would guess: what a public function of jax imports is installed with jax, or named by
# an extra.
#
# Seen with jax 0.10.2 and jaxlib 0.10.2 on Python 3.11, Linux x86-64. Exits with 1 if it
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" \
  "jaxlib==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
JAX_PLATFORMS=cpu "$python" - <<'PY'
from importlib.metadata import requires

import jax
import jax.numpy as jnp
from jax import export

exported = export.export(jax.jit(jnp.sin))(jax.ShapeDtypeStruct((3,), jnp.float32))
print("called:", exported.call(jnp.zeros(3)))
try:
    exported.serialize()
    print("serialized")
    raise SystemExit(1)
except ImportError as error:
    print("serialized:", type(error).__name__, error)
named = [line for line in requires("jax") + requires("jaxlib") if "flatbuffers" in line]
print("requirements of jax and jaxlib that name it, extras included:", named)
assert named == []
PY
echo "as described: exported programs cannot be saved"
