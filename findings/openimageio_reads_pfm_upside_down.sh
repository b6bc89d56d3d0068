#!/usr/bin/env bash
# OpenImageIO reads a PFM file, whose rows go from the bottom to the top, upside down.
# It writes them the right way, so that a depth map that is written and read again is
# mirrored, while Pillow reads what was given.
#
# One would guess: an image that is written without loss and read again is the same.
#
# Seen with openimageio 3.2.2.0, pillow 13.0.0 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "openimageio==3.2.2.0" "pillow==13.0.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import OpenImageIO as oiio
from PIL import Image

rows = np.repeat(np.arange(4, dtype=np.float32)[:, None], 3, axis=1)
assert oiio.ImageBuf(rows[..., None].copy()).write("depth.pfm")
found = oiio.ImageBuf("depth.pfm").get_pixels()[..., 0]
by_pillow = np.asarray(Image.open("depth.pfm"))
print("rows", rows[:, 0], "read", found[:, 0], "by Pillow", by_pillow[:, 0])
assert np.array_equal(by_pillow, rows)
assert np.array_equal(found, rows[::-1]), "they come back as they were now"
PY
echo "as described: a PFM file is read upside down"
