#!/usr/bin/env bash
# XLA computes x / 255 as x times the float32 nearest to 1 / 255. About half of the bytes
# 0 to 255 come out one unit in the last place beside the quotient that IEEE 754 defines
# and NumPy computes. A divisor that is an argument of the program is no exception, if it
# is one number for the whole array. So images scaled by JAX and by NumPy differ.
#
# One would guess: without fast-math flags a division is a division, correctly rounded.
#
# Seen with jax 0.10.2, jaxlib 0.10.2 and numpy 2.4.6 on Python 3.11, Linux x86-64, CPU.
# The program that XLA compiles for an H100 multiplies too. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" \
  "jaxlib==0.10.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY'
import jax
import jax.numpy as jnp
import numpy as np

levels = np.arange(256, dtype=np.float32)
by_constant = jax.jit(lambda x: x / 255)
by_argument = jax.jit(lambda x, divisor: x / divisor)
by_array = jax.jit(lambda x, divisors: x / divisors)

quotient = levels / np.float32(255)
product = levels * (np.float32(1) / np.float32(255))
found = {
    "constant": by_constant(levels),
    "argument": by_argument(levels, np.float32(255)),
    "array": by_array(levels, np.full(256, 255, np.float32)),
}
for name, values in found.items():
    print(f"divisor is a {name}: {np.sum(values != quotient)} of 256 differ from NumPy's")
print("in the program:", "multiply(" in by_constant.lower(levels).compile().as_text())
assert np.sum(product != quotient) == 126
assert np.array_equal(found["constant"], product), "divides by a constant now"
assert np.array_equal(found["argument"], product), "divides by an argument now"
assert np.array_equal(found["array"], quotient), "multiplies by arrays now"
PY
echo "as described: x / 255 is x * (1 / 255)"
