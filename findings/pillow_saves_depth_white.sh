#!/usr/bin/env bash
# Pillow saves a 16-bit image of 3000 mm as lossless WebP, or as AVIF of the best
# quality, without an error or a warning: in the file each pixel is 255. Every depth
# above 255 mm is, as the values are cut to 8 bits. JPEG refuses the same image.
#
# One would guess: a format without 16 bits refuses them, as JPEG does.
#
# Seen with pillow 12.3.0 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pillow==12.3.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import io
import warnings

import numpy as np
from PIL import Image

warnings.simplefilter("error")
depth = Image.fromarray(np.full((8, 8), 3000, np.uint16))
for name, options in (("WEBP", {"lossless": True}), ("AVIF", {"quality": 100})):
    file = io.BytesIO()
    depth.save(file, name, **options)
    values = np.unique(np.asarray(Image.open(file))).tolist()
    print(depth.mode, name, values)
    assert values == [255], "it keeps or refuses 16 bits now"
try:
    depth.save(io.BytesIO(), "JPEG")
except OSError as error:
    print("JPEG:", error)
else:
    raise AssertionError("JPEG takes 16 bits now")
PY
echo "as described: 16-bit depth is saved as white"
