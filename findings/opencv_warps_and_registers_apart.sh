#!/usr/bin/env bash
# Two functions of OpenCV move a depth image to another camera. For 16-bit depth in
# millimetres, registerDepth wants the translation in metres, and warpFrame in
# millimetres. And registerDepth rounds the place of a pixel, while warpFrame rounds it
# down: a translation of a thousandth of a pixel to the left moves its image by a whole
# one, and .9 pixels to the right move nothing.
#
# One would guess: both take one unit, and both round.
#
# Seen with opencv-python-headless 5.0.0.93 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "opencv-python-headless==5.0.0.93" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import cv2
import numpy as np

# Powers of two: no place is off by rounding.
camera = np.array([[64.0, 0, 32], [0, 64, 16], [0, 0, 1]])
depth_mm = np.zeros((32, 64), np.uint16)
depth_mm[16, 30] = 1000
depth_m = np.where(depth_mm, depth_mm / 1000, np.nan).astype(np.float32)
gray = np.zeros(depth_m.shape, np.uint8)


def columns(depth, translation):
    """Returns where the only pixel comes to lie by each of the functions, -1: nowhere."""
    motion = np.eye(4)
    motion[0, 3] = translation
    warped = cv2.warpFrame(depth, gray, None, motion, camera)[0]
    size = depth.shape[::-1]
    registered = cv2.registerDepth(camera, camera, np.zeros(5), motion, depth, size)
    found = [np.argwhere(np.nan_to_num(x) > 0)[:, 1] for x in (warped, registered)]
    return [int(x[0]) if len(x) else -1 for x in found]


for translation, expected in ((0.1, [30, 36]), (100, [36, -1])):
    found = columns(depth_mm, translation)
    print(f"16-bit depth, moved by {translation}: warpFrame, registerDepth", found)
    assert found == expected, "one unit now"
for pixels, expected in ((0, [30, 30]), (-1e-3, [29, 30]), (0.9, [30, 31])):
    found = columns(depth_m, pixels / 64)
    print(f"moved by {pixels} pixels: warpFrame, registerDepth", found)
    assert found == expected, "other places now"
PY
echo "as described: the two differ in units and in rounding"
