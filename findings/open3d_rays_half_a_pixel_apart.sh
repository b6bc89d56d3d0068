#!/usr/bin/env bash
# `RaycastingScene.create_rays_pinhole` looks through the middle of a pixel, (x + .5, y
# + .5). `PointCloud.create_from_depth_image` unprojects (x, y). Depth that was rendered
# with the one and unprojected with the other is half a pixel off: 6 cm at 5 m here.
#
# One would guess: one library has one convention, so depth that it renders is
# unprojected onto what was seen.
#
# Seen with open3d 0.20.0, libusb-package 1.0.30.0 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "open3d==0.20.0" "libusb-package==1.0.30.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
# Its wheel needs a library that a system without a desktop lacks.
ln -s "$folder"/venv/lib/python3*/site-packages/libusb_package/libusb-1.0.so \
  "$folder/libusb-1.0.so.0"
export LD_LIBRARY_PATH=$folder
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import open3d as o3d

focal_px, side_px, distance_m = 40.0, 8, 5.0
matrix = np.array([[focal_px, 0, 4], [0, focal_px, 4], [0, 0, 1]])
rays = o3d.t.geometry.RaycastingScene.create_rays_pinhole(
    o3d.core.Tensor(matrix), o3d.core.Tensor(np.eye(4)), side_px, side_px
).numpy()
cast = rays[0, 0, 3:] / rays[0, 0, 5] * distance_m
depth = np.full((side_px, side_px), distance_m, np.float32)
cloud = o3d.geometry.PointCloud.create_from_depth_image(
    o3d.geometry.Image(depth),
    o3d.camera.PinholeCameraIntrinsic(side_px, side_px, focal_px, focal_px, 4, 4),
    depth_scale=1.0,
)
unprojected = np.asarray(cloud.points)[0]
print("cast", cast.round(4), "unprojected", unprojected.round(4))
apart_px = (cast - unprojected)[:2] * focal_px / distance_m
assert np.allclose(apart_px, 0.5), "they agree now"
PY
echo "as described: rays and unprojected pixels are half a pixel apart"
