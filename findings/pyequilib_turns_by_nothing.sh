#!/usr/bin/env bash
# `equi2equi` with roll, pitch and yaw of 0 changes the panorama. Its samples lie half a
# pixel off, so that nearest neighbours keep 9 of 16 columns and bilinear ones blend two
# each; and its top row is turned by half a revolution. One NaN makes all pixels of all
# perspective views (`equi2pers`) NaN, also of those that look away from it.
#
# One would guess: a rotation by nothing returns the image, and only the pixels that
# look at a NaN are NaN.
#
# Seen with pyequilib 0.6.0, torch 2.13.0 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pyequilib==0.6.0" "torch==2.13.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from equilib import equi2equi, equi2pers

columns = np.tile(np.arange(16, dtype=np.float32), (1, 8, 1))
still = {"roll": 0.0, "pitch": 0.0, "yaw": 0.0}
nearest = equi2equi(columns, still, mode="nearest")[0]
linear = equi2equi(columns, still, mode="bilinear")[0]
print("nearest, row 4", nearest[4].astype(int).tolist())
print("bilinear, row 4", linear[4, :4].round(2), "row 0", linear[0, :4].round(2))
assert np.unique(nearest[4]).size == 9, "every column is kept now"
assert np.allclose(linear[4, :4], columns[0, 4, :4] + 0.5, atol=1e-4), "columns stay now"
assert np.allclose(linear[0, :4], columns[0, 0, :4] + 8.5, atol=1e-4), "row 0 stays now"
depth_m = np.full((1, 64, 128), 5, np.float32)
depth_m[0, 32, 0] = np.nan  # behind the camera
view = equi2pers(depth_m, rots=still, height=16, width=16, fov_x=60.0)
print("NaN in the view ahead:", np.isnan(view).sum(), "of", view.size)
assert np.isnan(view).all(), "other pixels are kept now"
PY
echo "as described: a rotation by nothing moves the panorama, and one NaN hides it"
