#!/usr/bin/env bash
# Coordinates of a point cloud that are compared with a number are compared with the
# number rounded to the file's steps. With steps of 1 cm, `las.x < 5.004` leaves out x =
# 5.00, and `las.x >= 5.004` has it. A number that a packed field cannot hold is never
# compared: `las.return_number < 8` is false for returns 1 and 2. NumPy's own view of
# the same field says otherwise.
#
# One would guess: `las.x < v` is `np.asarray(las.x) < v`, so a cut at 8 keeps
# everything below 8.
#
# Seen with laspy 2.7.0 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "laspy==2.7.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import laspy
import numpy as np

las = laspy.create(point_format=3, file_version="1.2")
las.x = np.array([5.00, 5.01])
las.y = las.z = np.zeros(2)
las.return_number = np.array([1, 2])
print("steps", las.header.scales[0], "x", np.asarray(las.x))
cases = {
    "x < 5.004": (las.x < 5.004, np.asarray(las.x) < 5.004),
    "x >= 5.004": (las.x >= 5.004, np.asarray(las.x) >= 5.004),
    "return_number < 8": (las.return_number < 8, np.asarray(las.return_number) < 8),
}
for name, (found, values) in cases.items():
    print(name, np.asarray(found), "of the values", values)
    assert not np.array_equal(found, values), "they agree now"
PY
echo "as described: comparisons round the number, or skip it"
