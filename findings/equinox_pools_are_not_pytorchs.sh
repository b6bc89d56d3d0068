#!/usr/bin/env bash
# `AvgPool2d(2, 2, use_ceil=True)` of 5 x 5 ones is .5 at the edges and .25 in the
# corner: what lies outside is counted as zeros. `AdaptiveAvgPool1d(3)` of 0 to 9 is
# (1.5, 5, 8), the means of 4, 3 and 3 values, and not PyTorch's (1.5, 4.5, 7.5) of
# three overlapping windows, so that ported weights see other features.
#
# One would guess: an average of ones is 1, and layers with PyTorch's names and
# arguments compute what PyTorch does.
#
# Seen with equinox 0.13.8, jax 0.10.2, jaxlib 0.10.2 and numpy 2.4.6 on Python 3.11,
# Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "equinox==0.13.8" "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import equinox as eqx
import jax.numpy as jnp
import numpy as np

ones = eqx.nn.AvgPool2d(2, 2, use_ceil=True)(jnp.ones((1, 5, 5)))[0]
print("average of ones", np.asarray(ones).tolist())
assert np.array_equal(ones, [[1, 1, 0.5], [1, 1, 0.5], [0.5, 0.5, 0.25]]), "it is 1 now"
found = eqx.nn.AdaptiveAvgPool1d(3)(jnp.arange(10.0)[None])[0]
print("adaptive", np.asarray(found).tolist())
assert np.array_equal(found, [1.5, 5, 8]), "it is PyTorch's now"
PY
echo "as described: the average of ones is not 1"
