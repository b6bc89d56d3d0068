#!/usr/bin/env bash
# A `Sphere` object starts a fit with the inliers of its last one, and replaces its
# result only if a candidate has more. Fitted to 200 points and then to 100 points of
# another sphere, it returns the first sphere for both, with indices of inliers up to
# 199. `Plane` and the other shapes start afresh.
#
# One would guess: a fit depends on the points it is given.
#
# Seen with pyransac3d 0.7.0 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1
# if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pyransac3d==0.7.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import random

import numpy as np
from pyransac3d import Plane, Sphere

random.seed(0)
directions = np.random.default_rng(0).normal(size=(200, 3))
directions /= np.linalg.norm(directions, axis=1, keepdims=True)
near, far = directions + (0, 0, 5), 2 * directions[:100] + (3, 0, 9)
assert np.allclose(np.linalg.norm(far - (3, 0, 9), axis=1), 2)
sphere = Sphere()
sphere.fit(near, thresh=0.01)
again = sphere.fit(far, thresh=0.01)
fresh = Sphere().fit(far, thresh=0.01)
for name, result in ("same object", again), ("new object", fresh):
    center = np.round(np.array(result.center, float), 3) + 0.0
    print(f"{name}: center {center}, radius {result.radius:.3f},", end=" ")
    print(f"{len(result.inliers)} inliers of 100, up to {max(result.inliers)}")
assert np.allclose(fresh.center, (3, 0, 9)) and abs(fresh.radius - 2) < 1e-6
assert np.allclose(again.center, (0, 0, 5)), "it forgets now"
assert len(again.inliers) == 200 and max(again.inliers) == 199
plane = Plane()
for height, count in (1, 200), (2, 100):
    flat = np.column_stack([directions[:count, :2], np.full(count, height)])
    assert len(plane.fit(flat).inliers) == count
    assert abs(abs(plane.equation[3]) - height) < 1e-6
PY
echo "as described: the first sphere is returned again"
