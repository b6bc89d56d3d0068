#!/usr/bin/env bash
# jax.random.normal with dtype bfloat16 uses 7 random bits for each number. It has 128
# different values, none of them 0, the largest 2.52 and the smallest -2.89, with a mean
# of -.011. So noise and initial weights in bfloat16 have no tails and a bias. Of float32
# numbers, one in 130 lies beyond these bounds.
#
# One would guess: numbers are drawn in float32 and rounded, as the type has some 30 000
# finite values between -5 and 5.
#
# Seen with jax 0.10.2, jaxlib 0.10.2 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits
# with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import jax
import jax.numpy as jnp
import numpy as np

COUNT = 2_000_000
for dtype in (jnp.float32, jnp.bfloat16):
    drawn = np.asarray(jax.random.normal(jax.random.key(0), (COUNT,), dtype), np.float64)
    values = len(np.unique(drawn))
    assert (drawn != 0).all()
    print(
        f"{dtype.__name__}: {values} values from {drawn.min():.2f} to {drawn.max():.2f}, "
        f"mean {drawn.mean():.4f}, deviation {drawn.std():.3f}"
    )
    is_coarse = values == 128 and drawn.max() < 2.6 and drawn.mean() < -0.01
    assert is_coarse == (dtype is jnp.bfloat16), "drawn in another way now"
    if not is_coarse:
        beyond = np.mean((drawn < -2.9) | (drawn > 2.52))
        print(f"beyond the bounds of bfloat16: one in {1 / beyond:.0f}")
        assert 115 < 1 / beyond < 145
PY
echo "as described: bfloat16 normal numbers are one of 128 values"
