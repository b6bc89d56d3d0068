#!/usr/bin/env bash
# augmax decides whether to rotate and by how much with the same random number. So a
# rotation by -30 to 30 degrees that is applied to half of the images turns all of these
# the same way.
#
# One would guess: both decisions are independent, and half of the rotated images turn
# either way.
#
# Seen with augmax 0.4.1, jax 0.10.2, jaxlib 0.10.2 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "augmax==0.4.1" "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import augmax
import jax
import jax.numpy as jnp
import numpy as np

SIDE, COUNT = 33, 200
columns = jnp.broadcast_to(jnp.arange(SIDE, dtype=jnp.float32) - SIDE // 2, (SIDE, SIDE))
keys = jax.random.split(jax.random.PRNGKey(0), COUNT)
for probability in (1.0, 0.5):
    rotate = augmax.Rotate((-30, 30), p=probability)
    # The middle pixel of the top row comes from the right of the centre, or the left.
    shown = np.array([rotate(key, columns)[0, SIDE // 2] for key in keys])
    one, other = int((shown > 1e-3).sum()), int((shown < -1e-3).sum())
    print(f"p={probability}: of {COUNT} images {one} turn one way, {other} the other")
    assert abs(one + other - COUNT * probability) < COUNT / 8
    assert (min(one, other) == 0) == (probability == 0.5), "other directions now"
PY
echo "as described: with p=0.5 all rotations go one way"
