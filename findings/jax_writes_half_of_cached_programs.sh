#!/usr/bin/env bash
# jax.experimental.serialize_executable writes a CPU program without some of its code if
# JAX had read the program from its compilation cache: `compile()` finds it there,
# `serialize` and `deserialize_and_load` pass, and the first call fails.
#
# One would guess: it does not matter where a compiled program came from, or `serialize`
# refuses.
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
cat >program.py <<'PY'
import sys

import jax
import jax.numpy as jnp
from jax.experimental import serialize_executable

jax.config.update("jax_compilation_cache_dir", "cache")
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def function(x):
    return jax.nn.softmax(jnp.tanh(x @ x) + jnp.exp(-x))


x = jnp.ones((64, 64))
compiled = jax.jit(function).lower(x).compile()
print("called:", compiled(x).sum())
written, *trees = serialize_executable.serialize(compiled)
print("bytes:", len(written))
again = serialize_executable.deserialize_and_load(written, *trees)
try:
    total = float(again(x).sum())
    print("called when written and read:", total)
    failed = False
except jax.errors.JaxRuntimeError as error:
    print("called when written and read:", error)
    failed = True
sys.exit(failed != (sys.argv[1] == "cached"))
PY
JAX_PLATFORMS=cpu "$python" program.py compiled
JAX_PLATFORMS=cpu "$python" program.py cached
echo "as described: a program from the cache is written in part"
