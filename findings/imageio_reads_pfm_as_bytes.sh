#!/usr/bin/env bash
# With OpenCV installed, `imageio.v3.imread` reads a PFM file as uint8: 4.4 m become 4,
# and 300 m 255. The same call writes the floats of that file correctly, and Pillow,
# which is always installed beside imageio, reads them.
#
# One would guess: a file format of floats is read as floats, whatever else is
# installed.
#
# Seen with imageio 2.38.2, opencv-python-headless 5.0.0.93, pillow 13.0.0 and numpy
# 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "imageio==2.38.2" "opencv-python-headless==5.0.0.93" "pillow==13.0.0" \
  "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import imageio.v3 as iio
import numpy as np

depth_m = np.array([[0.4, 4.4, 300]], np.float32)
iio.imwrite("depth.pfm", depth_m)
found = iio.imread("depth.pfm")
by_pillow = iio.imread("depth.pfm", plugin="pillow")
print(depth_m[0], "->", found.dtype, found[0], "by Pillow", by_pillow[0])
assert by_pillow.dtype == np.float32 and np.array_equal(by_pillow, depth_m)
assert found.dtype == np.uint8 and found[0].tolist() == [0, 4, 255], "floats are read now"
PY
echo "as described: a PFM file is read as bytes"
