#!/usr/bin/env bash
# The sampler `mesh_random` draws u from [0, 1] and then v from [0, 1 - u], which
# favours the first vertex of each triangle: in a triangle with corners at 0, 0 and 1,
# the weight of the first vertex is .5 on average and that of the others .25.
# `points_farthest` takes the point with the largest sum of squared distances to those
# taken so far: of a line of 101 points, 10 samples all lie within 5 points of the ends.
#
# One would guess: a random sample of a mesh is uniform, and farthest points keep away
# from each other.
#
# Seen with pyntcloud 0.3.1, pandas 3.1.1, scipy 1.17.1 and numpy 2.4.6 on Python 3.11,
# Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pyntcloud==0.3.1" "pandas==3.1.1" "scipy==1.17.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import pandas as pd
from pyntcloud import PyntCloud

np.random.seed(0)
corners = pd.DataFrame(np.eye(3), columns=["x", "y", "z"])
triangle = pd.DataFrame([[0, 1, 2]], columns=["v1", "v2", "v3"])
sample = PyntCloud(corners, mesh=triangle).get_sample("mesh_random", n=100_000)
weights = sample.to_numpy().mean(0)
print("mean weight of each vertex", weights.round(3))
assert np.allclose(weights, [0.5, 0.25, 0.25], atol=0.01), "it is uniform now"
line = pd.DataFrame({"x": np.arange(101.0), "y": 0.0, "z": 0.0})
taken = np.sort(PyntCloud(line).get_sample("points_farthest", n=10)["x"].to_numpy()[1:])
print("farthest points, after the random first one:", taken.astype(int).tolist())
assert np.minimum(taken, 100 - taken).max() <= 5, "they spread now"
PY
echo "as described: samples lie near a vertex, and farthest points at the ends"
