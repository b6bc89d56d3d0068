#!/usr/bin/env bash
# jax.image.resize is a product with a matrix per axis, mostly of zeros, and 0 times NaN is
# NaN. One NaN in an image therefore makes every number of the resized image NaN, however
# far away, and an infinite one does as well. "nearest" reads single pixels and does not.
#
# One would guess: bilinear resizing reads four neighbours, so a NaN (missing depth) spreads
# by one pixel.
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
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY'
import jax
import jax.numpy as jnp

SIDE = 64
for missing in (jnp.nan, jnp.inf):
    depth_m = jnp.ones((SIDE, SIDE)).at[5, 9].set(missing)
    for method, expected in (("linear", 1.0), ("cubic", 1.0), ("nearest", 4 / (2 * SIDE) ** 2)):
        resized = jax.image.resize(depth_m, (2 * SIDE, 2 * SIDE), method)
        share = jnp.mean(~jnp.isfinite(resized)).item()
        print(f"one {missing} of {SIDE**2}, {method}: {share:.2%} of the result not finite")
        assert share == expected, f"{method} spreads it otherwise now"
PY
echo "as described: one number that is not finite fills the resized image"
