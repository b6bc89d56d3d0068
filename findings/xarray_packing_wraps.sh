#!/usr/bin/env bash
# Depth packed as whole millimetres of 16 bits (scale_factor=.001): what is beyond the
# range wraps around when xarray writes it. 70 m come back as 4.464 m from uint16, and
# 65 m as -.536 m from int16. There is no error, and no RuntimeWarning.
#
# One would guess: what does not fit raises, warns, or is stored as missing.
#
# Seen with xarray 2026.9.0, zarr 3.1.6 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "xarray==2026.9.0" "zarr==3.1.6" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import warnings

import numpy as np
import xarray as xr

warnings.simplefilter("error", RuntimeWarning)
depth = xr.Dataset({"depth_m": ("x", np.array([1.5, 65, 70, np.nan], np.float32))})
for dtype, fill, expected in (
    ("uint16", 0, [1.5, 65, 4.464]),
    ("int16", -1, [1.5, -0.536, 4.464]),
):
    packing = {"dtype": dtype, "scale_factor": 0.001, "_FillValue": fill}
    encoding = {"depth_m": packing}
    depth.to_zarr("depth.zarr", mode="w", consolidated=False, encoding=encoding)
    read = xr.open_zarr("depth.zarr", consolidated=False).depth_m.values
    print(dtype, read.round(3).tolist())
    assert np.isnan(read[3])
    assert np.allclose(read[:3], expected, atol=1e-3), "the range is checked now"
PY
echo "as described: depth beyond the packed range wraps around"
