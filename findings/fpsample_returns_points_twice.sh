#!/usr/bin/env bash
# `fps_sampling` computes in float32, also for float64. Of an object of 1 m it returns
# 300 different points at the origin; in geocentric coordinates (ECEF) 151, and the rest
# of the 300 are repeats. One NaN is the farthest point from all: it takes 9 of 10
# samples.
#
# One would guess: 300 samples of 1000 different points are 300 different points.
#
# Seen with fpsample 1.0.2 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "fpsample==1.0.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from fpsample import fps_sampling

points = np.random.default_rng(0).random((1000, 3))
counts = {}
for name, offset in {"origin": 0, "ECEF": [4_200_000, 800_000, 4_700_000]}.items():
    counts[name] = np.unique(fps_sampling(points + offset, 300, start_idx=0)).size
print("different points of 300:", counts)
assert counts == {"origin": 300, "ECEF": 151}, "they differ now"
points[5] = np.nan
taken = fps_sampling(points, 10, start_idx=0).tolist()
print("with a NaN at 5:", taken)
assert taken == [0] + [5] * 9, "NaN is left out now"
PY
echo "as described: samples repeat points"
