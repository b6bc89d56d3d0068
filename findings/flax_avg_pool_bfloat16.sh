#!/usr/bin/env bash
# flax.linen.avg_pool of bfloat16 rounds its running sum to bfloat16 after every addition.
# From 256 on adding 1 changes nothing, so the average of a window of 32 x 32 ones is 0.25.
# jnp.mean, a convolution with ones and a matrix product of the same numbers are right.
#
# One would guess: a sum over a window is held in float32 and rounded once, as by jnp.sum.
#
# Seen with flax 0.12.8, jax 0.10.2 and jaxlib 0.10.2 on Python 3.11, Linux x86-64, CPU.
# The program that XLA compiles for an H100 rounds after every addition too. Exits with 1
# if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "flax==0.12.8" \
  "jax==0.10.2" "jaxlib==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY'
import jax
import jax.numpy as jnp
from flax import linen

for side in (8, 16, 32):
    ones = jnp.ones((1, side, side, 1), jnp.bfloat16)
    pooled = linen.avg_pool(ones, (side, side)).item()
    kernel = jnp.ones((side, side, 1, 1), jnp.bfloat16) / side**2
    numbers = ("NHWC", "HWIO", "NHWC")
    convolved = jax.lax.conv_general_dilated(ones, kernel, (1, 1), "VALID", dimension_numbers=numbers)
    print(f"{side} x {side} ones: avg_pool {pooled}, mean {ones.mean()}, convolved {convolved.item()}")
    assert pooled == min(1, 256 / side**2), "avg_pool sums otherwise now"
    assert ones.mean() == 1 and convolved.item() == 1
assert linen.avg_pool(jnp.ones((1, 32, 32, 1), jnp.float32), (32, 32)).item() == 1
PY
echo "as described: windows of more than 256 bfloat16 ones have an average below 1"
