#!/usr/bin/env bash
# A depth map of COLMAP has 0 where there is no depth, and only values above 0 count.
# DepthMap.rescale averages the zeros with their neighbours: one hole in a plane of 5 m
# becomes a pixel of 4 m, two neighbours become 4.88 m, and no pixel is 0 any more.
#
# One would guess: pixels without depth stay without, or are left out of averages.
#
# Seen with pycolmap 4.2.1 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pycolmap==4.2.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import pycolmap

depth_m = np.full((8, 8), 5, np.float32)
depth_m[3, 3] = 0
depth_map = pycolmap.DepthMap.from_array(depth_m, 1.0, 10.0)
depth_map.rescale(0.5)
rescaled_m = depth_map.to_array()
print(rescaled_m.round(2).tolist())
assert rescaled_m.shape == (4, 4)
assert (rescaled_m > 0).all(), "holes stay now"
lowest_m = np.sort(rescaled_m.ravel())[:3]
assert np.allclose(lowest_m, [4, 4.88, 4.88], atol=0.02)
PY
echo "as described: a hole in 5 m becomes a depth of 4 m"
