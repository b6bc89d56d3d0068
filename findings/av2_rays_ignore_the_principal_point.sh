#!/usr/bin/env bash
# `PinholeCamera.compute_pixel_ray_directions` takes the middle of the image for the
# principal point, whatever the intrinsics say. The ray through the pixel that the point
# (0, 0, 1) is projected to is (.099, -.099, .990) for a camera of focal length 100 with
# its principal point at (60, 40) in place of (50, 50).
#
# One would guess: the direction of a pixel's ray is the one of the points that are
# projected there.
#
# Seen with av2 0.3.6 and numpy 2.4.6, without the packages of av2 that this does not
# need, on Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
  "av2==0.3.6" "numpy==2.4.6" "opencv-python-headless==5.0.0.93" "scipy==1.17.1" \
  "pandas==3.1.1" "pyarrow==22.0.0" "universal-pathlib==0.3.10" "fsspec==2026.9.0" \
  "pathlib-abc==0.5.2" "python-dateutil==2.9.0.post0" "six==1.17.0" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from av2.geometry.camera.pinhole_camera import Intrinsics, PinholeCamera
from av2.geometry.se3 import SE3

intrinsics = Intrinsics(100.0, 100.0, 60.0, 40.0, 100, 100)
camera = PinholeCamera(SE3(np.eye(3), np.zeros(3)), intrinsics, "camera")
pixel, _, _ = camera.project_cam_to_img(np.array([[0, 0, 1.0]]))
[ray] = camera.compute_pixel_ray_directions(pixel)
print("pixel", pixel[0], "ray", ray.round(3))
assert np.allclose(pixel, [[60, 40]])
assert np.allclose(ray, np.array([0.1, -0.1, 1]) / np.sqrt(1.02)), "it is (0, 0, 1) now"
PY
echo "as described: rays start from the middle of the image"
