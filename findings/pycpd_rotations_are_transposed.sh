#!/usr/bin/env bash
# `RigidRegistration.register` returns a rotation that is applied from the right, y R +
# t, and a scale other than 1, although the model is named rigid. s R y + t, as papers
# and other libraries have it, is wrong by metres.
#
# One would guess: a rigid registration returns R and t of R y + t.
#
# Seen with pycpd 2.0.0, numpy 2.4.6 and scipy 1.17.1 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pycpd==2.0.0" "numpy==2.4.6" "scipy==1.17.1" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from pycpd import RigidRegistration

source = np.random.default_rng(0).random((60, 3)) * [4, 2, 1]
angle = 0.4
turn = np.array(
    [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
)
target = 1.1 * source @ turn.T + [0.1, 0.2, 0.3]
_, (scale, rotation, shift) = RigidRegistration(X=target, Y=source).register()
left = np.abs(scale * source @ rotation.T + shift - target).max()
right = np.abs(scale * source @ rotation + shift - target).max()
print("scale", round(float(scale), 3), "R y + t", left.round(2), "y R + t", right.round(4))
assert right < 0.01 < 1 < left and abs(scale - 1.1) < 0.01, "it is R y + t now"
PY
echo "as described: rotations are applied from the right, with a scale"
