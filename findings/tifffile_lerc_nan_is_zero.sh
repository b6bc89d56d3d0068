#!/usr/bin/env bash
# A float32 TIFF with NaN for missing depth, compressed losslessly with LERC, comes back
# with 0.0 in place of every NaN; all other values are exact. zlib and zstd keep NaN.
# Neither writing nor reading warns of it.
#
# One would guess: a lossless compression keeps NaN, or refuses it.
#
# Seen with tifffile 2026.3.3, imagecodecs 2026.3.6 and numpy 2.4.6 on Python 3.11,
# Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "tifffile==2026.3.3" "imagecodecs==2026.3.6" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import warnings

import numpy as np
import tifffile

warnings.simplefilter("error")
depth_m = np.array([[np.nan, np.nan, 2.5, 7.25]] * 4, np.float32)
for name in ("zlib", "zstd", "lerc"):
    tifffile.imwrite("depth.tif", depth_m, compression=name)
    read = tifffile.imread("depth.tif")
    print(name, read[0].tolist())
    expected = np.nan_to_num(depth_m) if name == "lerc" else depth_m
    assert np.array_equal(read, expected, equal_nan=True), "NaN is kept now"
PY
echo "as described: NaN comes back as 0 m"
