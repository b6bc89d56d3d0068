#!/usr/bin/env bash
# With the F-theta model of fisheye lenses, rs2_deproject_pixel_to_point does not undo
# rs2_project_point_to_pixel. The point (1, 0, 2) is projected and comes back as (1.258,
# 0, 2): a point cloud is 26% too wide, at the right depth. The factor depends on the
# coefficient alone. With the Kannala-Brandt model the point comes back as it was.
#
# One would guess: a pixel and its own depth give the point that was projected there, in
# each model.
#
# Seen with pyrealsense2 2.59.1.11053, libusb-package 1.0.30.0 and numpy 2.4.6 on Python
# 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pyrealsense2==2.59.1.11053" "libusb-package==1.0.30.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
# pyrealsense2 needs libusb, which its wheel does not hold.
ln -s "$folder"/venv/lib/python3*/site-packages/libusb_package/libusb-1.0.so \
  "$folder/libusb-1.0.so.0"
export LD_LIBRARY_PATH=$folder
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import pyrealsense2 as rs

point_m = [1.0, 0.0, 2.0]


def there_and_back(model, coefficients):
    camera = rs.intrinsics()
    camera.width, camera.height = 640, 480
    camera.fx = camera.fy = 300
    camera.ppx, camera.ppy = 320, 240
    camera.model, camera.coeffs = model, coefficients
    pixel = rs.rs2_project_point_to_pixel(camera, point_m)
    return rs.rs2_deproject_pixel_to_point(camera, pixel, point_m[2])


fitted = there_and_back(rs.distortion.kannala_brandt4, [0.1, 0.01, 0, 0, 0])
print("kannala_brandt4", np.round(fitted, 3).tolist())
assert np.allclose(fitted, point_m, atol=1e-3)
for coefficient in (0.5, 0.9):
    found = there_and_back(rs.distortion.ftheta, [coefficient, 0, 0, 0, 0])
    print("ftheta", coefficient, np.round(found, 3).tolist())
    tangent = 2 * np.tan(coefficient / 2)
    wide = tangent / np.arctan(tangent)
    assert np.allclose(found, [wide, 0, 2], atol=1e-3), "it inverts now"
PY
echo "as described: a deprojected F-theta pixel is off by a factor"
