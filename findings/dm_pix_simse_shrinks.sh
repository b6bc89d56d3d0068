#!/usr/bin/env bash
# dm_pix.simse is a scale-invariant error: a prediction that is the truth times any factor
# has an error of 0. With ignore_nans=True, for truth with holes as depth has them, its
# scale is the sum of the products over valid pixels divided by the sum of squares over
# all pixels of the prediction, so it shrinks with the share of the holes. A truth of 10 m
# divided by five scores 25 where half of it is missing. If the prediction has NaN in the
# same places, the error is 0 again.
#
# One would guess: pixels that are ignored are left out of every sum.
#
# Seen with dm-pix 0.4.5, jax 0.10.2, jaxlib 0.10.2 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "dm-pix==0.4.5" "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import dm_pix
import jax.numpy as jnp
import numpy as np


def error(truth, prediction):
    return float(dm_pix.simse(jnp.asarray(truth), jnp.asarray(prediction), ignore_nans=True))


truth_m = np.full((4, 4, 1), 10, np.float32)
prediction_m = truth_m / 5
half_m = truth_m.copy()
half_m[2:] = np.nan
both = np.where(np.isnan(half_m), np.nan, prediction_m)
print("whole truth:", error(truth_m, prediction_m))
print("half of the truth is missing:", error(half_m, prediction_m))
print("and of the prediction as well:", error(half_m, both))
assert error(truth_m, prediction_m) < 1e-6
assert error(half_m, both) < 1e-6
assert abs(error(half_m, prediction_m) - 25) < 1e-3, "holes change no scale now"
PY
echo "as described: holes in the truth change the scale"
