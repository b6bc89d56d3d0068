#!/usr/bin/env bash
# Scale and shift that align 640 x 480 depths from 5 m to 15 m with 2 depth + 3, by
# jnp.linalg.lstsq: 2.26 and .21, of rank 1, where NumPy finds 2 and 3 in the same
# float32 arrays. The default rcond is the spacing of float32 times the number of
# pixels, so that more pixels count for less: with 8.6 million of them the answer is 0
# and 0, of rank 0. An rcond of 1e-6 gives 2 and 3.
#
# One would guess: a line without noise is found, all the better from more pixels.
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

depth_m = np.linspace(5, 15, 640 * 480, dtype=np.float32)
columns = np.stack([depth_m, np.ones_like(depth_m)], axis=1)
target = 2 * depth_m + 3


def jax_solves(rcond, times=1):
    tiled = jnp.tile(columns, (times, 1)), jnp.tile(target, times)
    solution, _, rank, _ = jnp.linalg.lstsq(*tiled, rcond=rcond)
    print("jax", len(tiled[1]), rcond, np.round(solution, 3).tolist(), int(rank))
    return solution, rank


numpys = np.linalg.lstsq(columns, target, rcond=None)[0]
print("numpy", numpys.round(3).tolist(), numpys.dtype)
assert np.allclose(numpys, [2, 3], atol=0.01)
solution, rank = jax_solves(1e-6)
assert rank == 2 and np.allclose(solution, [2, 3], atol=0.05)
solution, rank = jax_solves(None)
assert rank == 1 and np.allclose(solution, [2.26, 0.21], atol=0.02), "rank 2 now"
solution, rank = jax_solves(None, times=28)
assert rank == 0 and not solution.any(), "it is solved now"
PY
echo "as described: lstsq of many pixels drops the shift, then all"
