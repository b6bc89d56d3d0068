#!/usr/bin/env bash
# `hillshade` takes all cells for 1 x 1 m. A slope of 45 degrees in cells of 10 m, which
# `slope` of the same package measures rightly, is shaded like one of 84 degrees: away
# from a sun at 45 degrees it has a brightness of .18 in place of .5. The brightness is
# (1 + cosine) / 2, so that ground the sun only grazes has .5.
#
# One would guess: the shade of a hill depends on its slope, as the same package
# computes it, and not on the size of the cells.
#
# Seen with xarray-spatial 0.5.3, xarray 2026.9.0, numba 0.68.1 and numpy 2.4.6 on
# Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "xarray-spatial==0.5.3" "xarray==2026.9.0" "numba==0.68.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import xarray
from xrspatial import hillshade, slope


def shades(cell_m):
    axis = np.arange(20) * cell_m
    east = np.broadcast_to(axis, (20, 20))
    cells = {"y": axis[::-1], "x": axis}
    height_m = xarray.DataArray(
        east.copy(), dims=["y", "x"], coords=cells, attrs={"res": (cell_m, cell_m)}
    )
    steep = float(slope(height_m)[9, 9])
    lit, dark = (
        float(hillshade(height_m, azimuth=azimuth, angle_altitude=45)[9, 9])
        for azimuth in (270, 90)
    )
    print(f"cells of {cell_m} m: slope {steep:.1f}, towards the sun {lit:.3f},", end=" ")
    print(f"away from it {dark:.3f}")
    return steep, lit, dark


def expected(rise):
    normal = np.array([-rise, 1]) / np.hypot(rise, 1)
    suns = np.array([[-1, 1], [1, 1]]) / np.sqrt(2)
    return (suns @ normal + 1) / 2


small, large = shades(1.0), shades(10.0)
assert abs(small[0] - 45) < 1e-3 and abs(large[0] - 45) < 1e-3
assert np.allclose(small[1:], expected(1), atol=1e-5)
assert np.allclose(large[1:], expected(10), atol=1e-5), "cells have a size now"
assert abs(small[2] - 0.5) < 1e-5
PY
echo "as described: the shade depends on the size of the cells"
