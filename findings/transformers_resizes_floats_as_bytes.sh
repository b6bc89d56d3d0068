#!/usr/bin/env bash
# `image_transforms.resize` of a float array goes through 8 bits. An inverse depth
# between .20 and .21 comes back as float32 with 3 different values, and an array that
# holds whole numbers comes back as bytes, without the values in between.
#
# One would guess: a float array is interpolated in floats, as its dtype says.
#
# Seen with transformers 5.24.0, pillow 12.3.0 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "transformers==5.24.0" "pillow==12.3.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from transformers.image_transforms import resize

inverse = np.linspace(0.2, 0.21, 64, dtype=np.float32).reshape(1, 8, 8)
found = resize(inverse, (8, 8), input_data_format="channels_first")
print(found.dtype, "values:", np.unique(inverse).size, "->", np.unique(found).size)
assert found.dtype == np.float32 and np.unique(found).size == 3, "floats are kept now"
depth_m = np.tile(np.array([2, 3], np.float32), (2, 1))[None]
found = resize(depth_m, (2, 4), input_data_format="channels_first")
print(found.dtype, found[0, 0].tolist())
assert found.dtype == np.uint8, "floats are kept now"
PY
echo "as described: float images become bytes on the way"
