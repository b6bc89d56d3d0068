#!/usr/bin/env bash
# If the shorter way needs it, `Quaternion.slerp(q0, q1, amount)` negates `q0` in place:
# a rotation by 10 degrees is one by -10 degrees about the opposite axis after it was an
# argument. `slerp` also returns a quaternion near -1 where 1 is as near.
#
# One would guess: a function that interpolates leaves its arguments as they are.
#
# Seen with pyquaternion 0.9.9 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with
# 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pyquaternion==0.9.9" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
from pyquaternion import Quaternion

first = Quaternion(axis=[0, 0, 1], degrees=10)
second = Quaternion(axis=[0, 0, 1], degrees=350)
before = first.elements.copy()
middle = Quaternion.slerp(first, second, 0.5)
print("before", before.round(3), "after", first.elements.round(3))
print("middle", middle.elements.round(3))
assert (first.elements == -before).all(), "it is kept now"
assert middle.w < -0.999
PY
echo "as described: slerp negates its first argument"
