#!/usr/bin/env bash
# The third line of a PFM file is a number whose sign is the byte order, and whose size is
# a scale. OpenCV divides all values by it, Pillow takes no notice of it. The disparities of
# a file with the scale -0.003922 (1/255), as some stereo data sets have it, are 255 times
# too large in OpenCV. Both write -1, so files of their own are read alike.
#
# One would guess: the scale has no effect, as in other readers, or the values are
# multiplied by it.
#
# Seen with opencv-python-headless 5.0.0.93, pillow 12.3.0 and numpy 2.4.6 on Python 3.11,
# Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "opencv-python-headless==5.0.0.93" "pillow==12.3.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY'
import cv2
import numpy as np
from PIL import Image

disparity_px = np.array([[1, 2], [4, 8]], "<f4")
for scale in ("-1", "-0.003922", "-255"):
    rows = disparity_px[::-1].tobytes()  # the lowest row is the first
    with open("disparity.pfm", "wb") as file:
        file.write(f"Pf\n2 2\n{scale}\n".encode() + rows)
    in_opencv = cv2.imread("disparity.pfm", cv2.IMREAD_UNCHANGED)
    in_pillow = np.asarray(Image.open("disparity.pfm"))
    print(f"scale {scale}: OpenCV {in_opencv.tolist()}, Pillow {in_pillow.tolist()}")
    np.testing.assert_array_equal(in_pillow, disparity_px)
    np.testing.assert_allclose(in_opencv, disparity_px / abs(float(scale)), rtol=1e-6)
PY
echo "as described: OpenCV divides by the scale of a PFM file, Pillow does not"
