#!/usr/bin/env bash
# Assigning `Camera.K` sets the resolution to twice the principal point: after a camera
# of 640 x 480 pixels is given the matrix of its calibration, with the principal point
# at (300, 200), its images have 600 x 400 pixels. A principal point beside the middle
# does not exist.
#
# One would guess: an intrinsic matrix leaves the size of the image as it is.
#
# Seen with trimesh 5.2.0, scipy 1.17.1 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "trimesh==5.2.0" "scipy==1.17.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import trimesh

camera = trimesh.scene.cameras.Camera(resolution=(640, 480), focal=(500, 500))
camera.K = np.array([[500, 0, 300], [0, 500, 200], [0, 0, 1.0]])
_, pixels = camera.to_rays()
print("resolution", camera.resolution.tolist(), "rays", len(pixels))
assert camera.resolution.tolist() == [600, 400], "the resolution is kept now"
assert len(pixels) == 600 * 400
PY
echo "as described: the matrix changes the size of the image"
