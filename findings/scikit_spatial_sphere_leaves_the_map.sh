#!/usr/bin/env bash
# `Sphere.best_fit` solves for the center and the radius in the coordinates it is given.
# In UTM, with a northing of 5400 km, points without noise of a ball with a radius of 1
# m give a radius of more than 2000 km, and a center as far away. Nothing warns. With
# the mean subtracted first, the fit is exact.
#
# One would guess: a fit is as good in one place as in another, up to the rounding of
# float64: here, a nanometre.
#
# Seen with scikit-spatial 10.0.0 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits
# with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "scikit-spatial==10.0.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from skspatial.objects import Sphere

points = np.random.default_rng(0).normal(size=(500, 3))
points /= np.linalg.norm(points, axis=1, keepdims=True)
for offset_m in (0, 0, 0), (3e4, 3e4, 0), (4e5, 5.4e6, 0):
    moved = points + offset_m
    assert abs(np.linalg.norm(moved - offset_m, axis=1) - 1).max() < 2e-9
    sphere = Sphere.best_fit(moved)
    error_m = np.linalg.norm(sphere.point - offset_m)
    print(f"at {offset_m}: radius {sphere.radius:.6f}, center off by {error_m:.6f}")
assert sphere.radius > 1e6 and error_m > 1e6, "it is centred now"
mean = moved.mean(0)
sphere = Sphere.best_fit(moved - mean)
print(f"around the mean: radius {sphere.radius:.6f}")
assert abs(sphere.radius - 1) < 1e-6
assert np.allclose(sphere.point + mean, offset_m, atol=1e-6, rtol=0)
PY
echo "as described: a ball of 1 m has a radius of thousands of kilometres"
