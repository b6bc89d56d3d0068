#!/usr/bin/env bash
# `Plane3.contains` has the sign of d the other way round: the plane through (0, 0, 2)
# with the normal (0, 0, 1) does not contain (0, 0, 2), and contains (0, 0, -2).
# `Plane3.LinePoint` of the line through (0, 0, 1) and (1, 0, 1) and the point (0, 1, 1)
# is tilted by 45 degrees and does not hold the point.
#
# One would guess: a plane contains the points it was made of.
#
# Seen with spatialmath-python 1.1.18 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "spatialmath-python==1.1.18" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from spatialmath import Line3, Plane3

plane = Plane3.PointNormal([0, 0, 2], [0, 0, 1])
contains = [bool(plane.contains([0, 0, z])) for z in (2, -2)]
print("plane z = 2 contains z = 2:", contains[0], "and z = -2:", contains[1])
assert contains == [False, True], "it contains its point now"
point = np.array([0, 1, 1])
joined = Plane3.LinePoint(Line3.Join([0, 0, 1], [1, 0, 1]), point)
off = joined.n @ point + joined.d
tilt_deg = np.rad2deg(np.arccos(abs(joined.n[2]) / np.linalg.norm(joined.n)))
print("line and point: equation at the point", off, "tilt", tilt_deg.round(1))
assert off == 1 and np.isclose(tilt_deg, 45), "it goes through its point now"
PY
echo "as described: planes do not contain their points"
