#!/usr/bin/env bash
# A perspective view with `fov_deg=90` spans 90 degrees between the centres of its
# outermost pixels, and not between its edges: a view 8 pixels wide has a focal length
# of 3.5 pixels in place of 4, and points unprojected with 4 are too near the axis by
# 14%.
#
# One would guess: the field of view ends at the image's edges, so the focal length is
# width / (2 tan(fov / 2)), as in OpenCV, Blender and COLMAP, and as the same package
# places pixels of the panorama.
#
# Seen with py360convert 1.0.4, scipy 1.17.1 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "py360convert==1.0.4" "scipy==1.17.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import py360convert

width = 720
azimuth_deg = ((np.arange(width) + 0.5) / width - 0.5) * 360
panorama = np.tile(azimuth_deg, (360, 1))[..., None].astype(np.float32)
view = py360convert.e2p(panorama, (90, 90), 0, 0, (8, 8))
found = abs(view[4, 0, 0])
by_edges = np.degrees(np.arctan(3.5 / 4))
print("azimuth of the first column", round(float(found), 2))
print("with the focal length of the field of view", round(float(by_edges), 2))
assert abs(found - 45) < 0.3 and by_edges < 41.2, "the edges decide now"
PY
echo "as described: the field of view ends at the centres of pixels"
