#!/usr/bin/env bash
# `savePointCloud` writes the float32 coordinates of a cloud with nine digits to a PLY
# file, which keeps them exactly, and with six to an OBJ file: a UTM northing of
# 5412345.5 m is read back from OBJ as 5412350 m, and 123456.78 m as 123457 m. Points 1
# m apart become the same point.
#
# One would guess: float32 coordinates come back from both formats, as 9 digits are
# enough for them.
#
# Seen with opencv-python-headless 5.0.0.93 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
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

northing_m = 5412345.5 + np.arange(4)
points = np.column_stack([np.full(4, 123456.78), northing_m, np.full(4, 12.25)])
points = points.astype(np.float32).reshape(-1, 1, 3)
assert np.array_equal(points[:, 0, 1], northing_m)
found = {}
for name in "cloud.ply", "cloud.obj":
    cv2.savePointCloud(name, points)
    found[name] = cv2.loadPointCloud(name)[0].reshape(-1, 3)
    with open(name) as file:
        print(f"{name}: '{file.read().splitlines()[-1]}'")
    print("northings read:", found[name][:, 1].tolist())
assert np.array_equal(found["cloud.ply"], points.reshape(-1, 3))
rounded = [float(f"{x:.6g}") for x in points.ravel()]
rounded = np.array(rounded, np.float32).reshape(-1, 3)
assert np.array_equal(found["cloud.obj"], rounded), "digits are kept now"
assert len(np.unique(found["cloud.obj"], axis=0)) == 1
PY
echo "as described: OBJ rounds to six digits"
