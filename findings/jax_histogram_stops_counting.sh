#!/usr/bin/env bash
# jnp.histogram counts in the type of the data. 20 million float32 depths in one bin are
# 16 777 216, and 10 000 float16 depths are 2048: adding one more changes nothing there.
# jnp.bincount, which counts in integers, is right.
#
# One would guess: counts are integers, or at least as many as there are values.
#
# Seen with jax 0.10.2, jaxlib 0.10.2 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import jax.numpy as jnp
import numpy as np

for dtype, count, expected in (
    ("float32", 20_000_000, 2**24),
    ("float16", 10_000, 2048),
):
    depth_m = jnp.full(count, 5, dtype)
    counted = jnp.histogram(depth_m, bins=2, range=(0, 10))[0]
    numpys = np.histogram(np.asarray(depth_m), bins=2, range=(0, 10))[0]
    whole = jnp.bincount((depth_m >= 5).astype(int), length=2)
    print(dtype, count, counted.tolist(), numpys.tolist(), whole.tolist())
    assert numpys.tolist() == whole.tolist() == [0, count]
    assert counted.tolist() == [0, expected], "it counts on now"
PY
echo "as described: a histogram stops counting at the largest exact integer"
