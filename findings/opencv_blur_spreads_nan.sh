#!/usr/bin/env bash
# A box filter over depth with one NaN. With 3 x 3 and 5 x 5 pixels, cv2.blur makes the
# windows that hold it NaN, and everything below them. With 7 x 7, all that lies below
# and to the right of the first such window is NaN: 1089 of 1600 pixels, where 49 look
# at the NaN. scipy.ndimage.uniform_filter does this for all three sizes.
# cv2.GaussianBlur has NaN in the windows that hold it, and nowhere else.
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


def only(rows, columns):
    mask = np.zeros(depth_m.shape, bool)
    mask[rows, columns] = True
    return mask


for size in (3, 5, 7):
    first = 10 - size // 2
    window, rest = slice(first, first + size), slice(first, None)
    found = {
        "Gaussian": (cv2.GaussianBlur(depth_m, (size, size), 0), only(window, window)),
        "OpenCV box": (
            cv2.blur(depth_m, (size, size)),
            only(rest, rest) if size == 7 else only(rest, window),
        ),
        "SciPy box": (uniform_filter(depth_m, size), only(rest, rest)),
    }
    for name, (filtered, expected) in found.items():
        is_missing = np.isnan(filtered)
        print(f"{size} x {size}, {name}: {is_missing.sum()} pixels are NaN")
        assert np.array_equal(is_missing, expected), "NaN spreads otherwise now"
PY
echo "as described: one NaN spreads to all that lies below and to the right"
