#!/usr/bin/env bash
# The tensor `PointCloud.create_from_depth_image` drops everything beyond 3 m unless
# `depth_max` says otherwise: of a wall at 5 m no point is left. The function of the
# same name without tensors keeps all 64.
#
# One would guess: both take depth of any distance, or cut it at the same one.
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

millimetres = np.full((8, 8), 5000, np.uint16)
camera = o3d.camera.PinholeCameraIntrinsic(8, 8, 4, 4, 4, 4)
legacy = o3d.geometry.PointCloud.create_from_depth_image(
    o3d.geometry.Image(millimetres), camera
)


def points(**options):
    cloud = o3d.t.geometry.PointCloud.create_from_depth_image(
        o3d.t.geometry.Image(millimetres),
        o3d.core.Tensor(camera.intrinsic_matrix),
        **options,
    )
    return len(cloud.point.positions) if "positions" in cloud.point else 0


print("legacy", len(legacy.points), "tensors", points(), "to 10 m", points(depth_max=10))
assert (len(legacy.points), points(), points(depth_max=10)) == (64, 0, 64)
PY
echo "as described: tensors are cut at 3 m"
