#!/usr/bin/env bash
# pye57 takes coordinates of float64 and gives float64 back, but writes them to the E57
# file in single precision. Northings of UTM, millions of metres, come back off by up to
# a quarter of a metre.
#
# One would guess: a format with double precision, given doubles, keeps millimetres.
#
# Seen with pye57 0.4.19 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pye57==0.4.19" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import pye57

points_m = np.array(
    [[690000.123, 5334000.123, 520.1], [690000.223, 5334000.223, 520.2]]
)
names = "cartesianX", "cartesianY", "cartesianZ"
with pye57.E57("scan.e57", "w") as file:
    file.write_scan_raw(dict(zip(names, points_m.T.copy(), strict=True)))
scan = pye57.E57("scan.e57").read_scan_raw(0)
read_m = np.stack([scan[name] for name in names], axis=1)
off_m = np.abs(read_m - points_m).max(axis=0)
print(f"read as {read_m.dtype}, off by {off_m.round(3).tolist()} m")
assert read_m.dtype == np.float64
assert np.array_equal(read_m, points_m.astype(np.float32)), "doubles are kept now"
assert off_m[1] > 0.2
PY
echo "as described: coordinates of float64 are kept as float32"
