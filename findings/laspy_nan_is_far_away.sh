#!/usr/bin/env bash
# A coordinate of NaN becomes -2147483.648 m with a scale of 1 mm, the smallest that the
# integers hold, and the bounding box of the file reaches there. A coordinate of 3000 km,
# which does not fit either, is refused with an OverflowError.
#
# One would guess: NaN is refused like other values that do not fit.
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

header = laspy.LasHeader(point_format=3, version="1.2")
header.scales, header.offsets = [0.001] * 3, [0] * 3
cloud = laspy.LasData(header)
cloud.x = np.array([1, np.nan, 2])
cloud.y = cloud.z = np.zeros(3)
cloud.write("cloud.las")
found = laspy.read("cloud.las")
print("x", np.array(found.x), "smallest", found.header.mins[0])
assert np.array(found.x)[1] == found.header.mins[0] == -2147483.648, "NaN is refused now"
try:
    cloud.x = np.array([1, 3e6, 2])
except OverflowError as error:
    print("3e6:", error)
else:
    raise AssertionError("3e6 is taken now")
PY
echo "as described: NaN becomes a distant point"
