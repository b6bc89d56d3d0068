#!/usr/bin/env bash
# zfp's fixed accuracy keeps 2.5 m within its tolerance of 1 mm, until one pixel of the
# same 4 x 4 block is 1e10, as renderers write the sky: then its neighbours come back
# metres off. A block has one exponent, and 30 bits below it.
#
# One would guess: `tolerance` bounds the error of every pixel, whatever its neighbours
# are. A background that cannot be kept is kept less exactly itself.
#
# Seen with zfpy 1.0.1.post0 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1
# if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "zfpy==1.0.1.post0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import zfpy


def worst_error_m(depth_m):
    packed = zfpy.compress_numpy(depth_m, tolerance=1e-3)
    return np.abs(zfpy.decompress_numpy(packed) - depth_m)[depth_m < 1e9].max()


depth_m = np.full((4, 4), 2.5, np.float32)
print("without sky", worst_error_m(depth_m))
assert worst_error_m(depth_m) <= 1e-3
depth_m[0, 0] = 1e10
print("beside sky", worst_error_m(depth_m))
assert worst_error_m(depth_m) > 1, "the tolerance holds now"
PY
echo "as described: pixels beside a very far one are metres off"
