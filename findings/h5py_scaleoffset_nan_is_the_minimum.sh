#!/usr/bin/env bash
# With `scaleoffset=3`, which keeps three decimals of a depth image, NaN is read back as
# the smallest value of its chunk: a pixel without depth becomes the nearest one of the
# image. Nothing warns.
#
# One would guess: NaN stays NaN, or writing it fails.
#
# Seen with h5py 3.16.0 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "h5py==3.16.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import h5py
import numpy as np

depth_m = np.array([[4.5, np.nan, 1.25, 60.0]], np.float32)
with h5py.File("depth.h5", "w") as file:
    file.create_dataset("depth", data=depth_m, scaleoffset=3, chunks=depth_m.shape)
with h5py.File("depth.h5") as file:
    found = file["depth"][:]
print(depth_m[0], "->", found[0].round(3))
assert np.isfinite(found).all() and found[0, 1] == found.min(), "NaN is kept now"
assert np.allclose(np.delete(found, 1), np.delete(depth_m, 1), atol=1e-3)
PY
echo "as described: NaN becomes the smallest depth"
