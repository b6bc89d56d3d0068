#!/usr/bin/env bash
# IMREAD_UNCHANGED documents that OpenCV ignores the EXIF orientation. A TIFF is turned by
# its Orientation tag all the same, a PNG with an eXIf chunk is not. Where the tag swaps
# height and width (5 to 8), cv2.imdecode returns the turned TIFF and cv2.imread returns
# None, after an internal check that the image kept its size. So a float32 depth TIFF and
# its PNG image disagree, or the TIFF seems unreadable.
#
# One would guess: IMREAD_UNCHANGED ignores orientation in every format, and imread and imdecode
# read the same pixels.
#
# Seen with opencv-python-headless 5.0.0.93, Pillow 12.3.0 and NumPy 2.4.6 on Python 3.11,
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
"$python" - "$folder" <<'PY'
import sys

import cv2
import numpy as np
from PIL import Image

folder = sys.argv[1]
ORIENTATION, ROTATE_180, ROTATE_90 = 274, 3, 6
stored = np.arange(6, dtype=np.float32).reshape(2, 3)


def read_tiff(orientation):
    path = f"{folder}/depth.tif"
    Image.fromarray(stored).save(path, tiffinfo={ORIENTATION: orientation})
    decoded = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.imread(path, cv2.IMREAD_UNCHANGED), decoded


read, decoded = read_tiff(ROTATE_180)
assert np.array_equal(read, stored[::-1, ::-1]), "imread leaves TIFFs as stored now"
assert np.array_equal(decoded, stored[::-1, ::-1])
print("orientation 3: TIFF turned by imread and by imdecode")

read, decoded = read_tiff(ROTATE_90)
assert read is None, "imread reads a TIFF whose sides swap now"
assert np.array_equal(decoded, np.rot90(stored, -1))
print("orientation 6: TIFF turned by imdecode, None from imread")

exif = Image.Exif()
exif[ORIENTATION] = ROTATE_180
Image.fromarray(stored.astype(np.uint8)).save(f"{folder}/image.png", exif=exif)
png = cv2.imread(f"{folder}/image.png", cv2.IMREAD_UNCHANGED)
assert np.array_equal(png, stored.astype(np.uint8)), "PNGs are turned now"
print("orientation 3: PNG as stored")
PY
