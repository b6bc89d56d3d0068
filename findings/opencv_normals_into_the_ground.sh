#!/usr/bin/env bash
# cv2.RgbdNormals makes normals face the camera, by the sign of their z alone. The normal
# of a road has a z of nearly 0, so its sign depends on the camera's pitch: if the camera
# looks up by 3 degrees, every normal of the road points into the ground, and at 0 degrees
# rounding decides pixel by pixel. That is so with the methods FALS (the default) and SRI.
# With CROSS_PRODUCT all normals face the camera.
#
# One would guess: a normal faces the camera if its product with the line of sight is
# negative, whatever the pitch.
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

HEIGHT, WIDTH, FOCAL_PX, CAMERA_HEIGHT_M = 48, 64, 100.0, 1.5
# The image lies below the horizon: all of it shows the road.
camera = np.array([[FOCAL_PX, 0, WIDTH / 2], [0, FOCAL_PX, -20], [0, 0, 1]])
rows = (np.mgrid[:HEIGHT, :WIDTH][0] - camera[1, 2]) / FOCAL_PX
METHODS = {"FALS": 0, "SRI": 2, "CROSS_PRODUCT": 3}
EDGE = 6


def share_facing(pitch, method):
    angle = np.deg2rad(pitch)
    depth_m = CAMERA_HEIGHT_M / (np.cos(angle) * rows - np.sin(angle))
    points = cv2.depthTo3d(depth_m, camera)
    normals = cv2.RgbdNormals.create(
        HEIGHT, WIDTH, cv2.CV_64F, camera, 5, 50.0, METHODS[method]
    ).apply(points)
    products = (normals[..., :3] * points[..., :3]).sum(-1)
    return round(float(np.mean(products[EDGE:-EDGE, EDGE:-EDGE] < 0)), 2)


for pitch in (-3, 0, 3):
    found = {name: share_facing(pitch, name) for name in METHODS}
    print(f"camera looks up by {pitch} degrees, normals that face it:", found)
    assert found["CROSS_PRODUCT"] == 1
    for name in ("FALS", "SRI"):
        share = found[name]
        expected = {-3: share == 1, 0: 0 < share < 1, 3: share == 0}
        assert expected[pitch], f"{name} has other normals now"
PY
echo "as described: normals of the road point into the ground"
