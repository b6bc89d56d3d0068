#!/usr/bin/env bash
# `reproject` returns zeros only, without an error, if either grid has cells of 1 m and
# its corner at (0, 0), as a height map in local coordinates has. With the corner at (1,
# 0), or with other cells, the result is the 5 m of the input.
#
# One would guess: a grid at the origin is like any other.
#
# Seen with rasterio 1.4.4 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "rasterio==1.4.4" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from rasterio.transform import from_origin
from rasterio.warp import Resampling, reproject

heights_m = np.full((64, 64), 5, np.float32)


def halved(x_m, cell_m):
    found = np.full((32, 32), -1, np.float32)
    reproject(
        heights_m,
        found,
        src_transform=from_origin(x_m, 0, cell_m, cell_m),
        dst_transform=from_origin(x_m, 0, 2 * cell_m, 2 * cell_m),
        src_crs="EPSG:32632",
        dst_crs="EPSG:32632",
        resampling=Resampling.average,
    )
    return np.unique(found).tolist()


cases = (0, 1), (0, 0.5), (1, 1), (1, 0.5), (0, 0.25), (0, 2)
found = {case: halved(*case) for case in cases}
print("corner and cell in metres:", found)
assert all(found[case] == [0] for case in cases[:2]), "it is 5 m now"
assert all(found[case] == [5] for case in cases[2:])
PY
echo "as described: a grid at the origin becomes zeros"
