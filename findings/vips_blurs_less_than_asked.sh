#!/usr/bin/env bash
# `gaussblur(2)` of a float image has a standard deviation of 1.6 pixels: the kernel is
# cut off below a fifth of its maximum and rounded to integers, also for float images.
#
# One would guess: a blur with sigma 2 has a standard deviation of 2, up to a few
# percent, as in SciPy and OpenCV.
#
# Seen with pyvips 3.2.0, pyvips-binary 8.18.7 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pyvips==3.2.0" "pyvips-binary==8.18.7" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import pyvips

impulse = np.zeros((41, 41), np.float32)
impulse[20, 20] = 1


def deviation(**options):
    blurred = pyvips.Image.new_from_array(impulse).gaussblur(2, **options).numpy()
    profile = blurred.sum(0) / blurred.sum()
    return float(np.sqrt((profile * (np.arange(41) - 20) ** 2).sum()))


print("as it comes", round(deviation(), 3))
wide = deviation(min_ampl=0.001, precision="float")
print("min_ampl=.001, precision=float", round(wide, 3))
assert deviation() < 1.7 and abs(wide - 2) < 0.03, "it is 2 now"
PY
echo "as described: a blur of 2 is one of 1.6"
