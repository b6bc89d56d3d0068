#!/usr/bin/env bash
# `SignedMaurerDistanceMap` of a one-pixel mask is 9 at a distance of 3 pixels, and
# `SignedDanielssonDistanceMap` 3. Both ignore the spacing, which is .5 here.
#
# One would guess: a distance map holds distances, in the unit of the spacing, in each
# of the library's filters.
#
# Seen with simpleitk 2.5.7 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1
# if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "simpleitk==2.5.7" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import SimpleITK as sitk

mask = np.zeros((9, 9), np.uint8)
mask[4, 1] = 1
image = sitk.GetImageFromArray(mask)
image.SetSpacing((0.5, 0.5))
maurer = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(image))
other = sitk.GetArrayFromImage(sitk.SignedDanielssonDistanceMap(image))
print("Maurer", maurer[4, 4], "Danielsson", other[4, 4])
assert maurer[4, 4] == 9 and other[4, 4] == 3, "they agree now"
PY
echo "as described: one distance map is squared"
