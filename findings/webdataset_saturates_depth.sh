#!/usr/bin/env bash
# The decoders `pil` and `l` convert every image to 8 bits. Depth maps of 16 bits do not
# become smaller numbers: 100 stays 100, and whatever is above 255 becomes 255. In
# KITTI's unit that is everything beyond one metre.
#
# One would guess: `pil` returns the image as Pillow opens it, with its 16 bits.
#
# Seen with webdataset 1.0.2, pillow 12.3.0 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "webdataset==1.0.2" "pillow==12.3.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import io

import numpy as np
from PIL import Image
from webdataset.autodecode import imagehandler

file = io.BytesIO()
Image.fromarray(np.array([[100, 1000, 5000]], np.uint16)).save(file, "png")
print("Pillow", np.asarray(Image.open(file)).tolist())
image = imagehandler("pil")("depth.png", file.getvalue())
values = np.asarray(image)[0, :, 0].tolist()
print("pil", image.mode, values)
assert values == [100, 255, 255], "depth is kept now"
scaled = imagehandler("l")("depth.png", file.getvalue())
print("l", np.round(scaled, 3).tolist())
assert np.allclose(scaled, [[100 / 255, 1, 1]]), "depth is kept now"
PY
echo "as described: 16-bit depth becomes 255"
