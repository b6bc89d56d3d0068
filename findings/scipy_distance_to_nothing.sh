#!/usr/bin/env bash
# distance_transform_edt of a mask without a zero, as of a frame without a single valid
# pixel: the distances are those to a pixel at row -1, column 0, which lies outside of
# the image, so they are small and plausible. The indices say -1 and 0, which read the
# last row. distance_transform_cdt gives -1 for the same mask.
#
# One would guess: with nothing to measure to, the distance is infinite, or an error.
#
# Seen with scipy 1.17.1 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "scipy==1.17.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from scipy.ndimage import distance_transform_cdt, distance_transform_edt

nothing = np.ones((3, 4))
distance, indices = distance_transform_edt(nothing, return_indices=True)
print(distance.round(2).tolist(), indices[:, 0, 0].tolist())
rows, columns = np.mgrid[:3, :4]
assert np.allclose(distance, np.hypot(rows + 1, columns)), "it says so now"
assert (indices[0] == -1).all() and (indices[1] == 0).all()
print(np.unique(distance_transform_cdt(nothing)).tolist())
assert (distance_transform_cdt(nothing) == -1).all()
PY
echo "as described: without a zero the distance to row -1 is given"
