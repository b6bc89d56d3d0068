#!/usr/bin/env bash
# A box filter over depth with one NaN: cv2.blur makes the rest of its columns NaN, and
# from 7 x 7 pixels on the whole lower right of the image, 1089 of 1600 pixels where 49
# look at the NaN. scipy.ndimage.uniform_filter does so for every size. Both add what
# enters a window and subtract what leaves it, and NaN never leaves. cv2.GaussianBlur of
# the same size has NaN in the 49 pixels only.
#
# One would guess: a NaN reaches the windows that hold it.
#
# Seen with opencv-python-headless 5.0.0.93, scipy 1.17.1 and numpy 2.4.6 on Python
# 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "opencv-python-headless==5.0.0.93" "scipy==1.17.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import cv2
import numpy as np
from scipy.ndimage import uniform_filter

depth_m = np.full((40, 40), 5, np.float32)
depth_m[10, 10] = np.nan


def missing(filtered):
    return int(np.isnan(filtered).sum())


print("size: Gaussian, box, SciPy's box")
for size, of_box, of_scipy in ((3, 93, 961), (5, 160, 1024), (7, 1089, 1089)):
    found = [
        missing(cv2.GaussianBlur(depth_m, (size, size), 0)),
        missing(cv2.blur(depth_m, (size, size))),
        missing(uniform_filter(depth_m, size)),
    ]
    print(f"{size}: {found}")
    assert found == [size * size, of_box, of_scipy], "NaN spreads otherwise now"
PY
echo "as described: one NaN spreads over the rest of the image"
