#!/usr/bin/env bash
# `registration.icp` aligns a cloud that is 2% larger by scaling it by 2%, and
# `procrustes` returns a mirror image for mirrored points: scale and reflection are on
# by default.
#
# One would guess: ICP is rigid: a rotation and a translation.
#
# Seen with trimesh 5.2.0, scipy 1.17.1 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "trimesh==5.2.0" "scipy==1.17.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import trimesh

points = np.random.default_rng(0).random((200, 3))
motion, _, _ = trimesh.registration.icp(points, points * 1.02, max_iterations=50)
scale = np.linalg.det(motion[:3, :3]) ** (1 / 3)
print("scale of icp", round(float(scale), 4))
assert abs(scale - 1.02) < 5e-3, "icp is rigid now"
mirrored = trimesh.registration.procrustes(points, points * [-1, 1, 1])[0]
determinant = np.linalg.det(mirrored[:3, :3])
print("determinant of procrustes", round(float(determinant), 4))
assert determinant < 0, "procrustes is proper now"
rigid, _, _ = trimesh.registration.icp(
    points, points * 1.02, max_iterations=50, scale=False, reflection=False
)
assert np.isclose(np.linalg.det(rigid[:3, :3]), 1)
PY
echo "as described: icp scales"
