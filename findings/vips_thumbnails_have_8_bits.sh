#!/usr/bin/env bash
# The thumbnail of a 16-bit PNG with depths of 3000 mm has 8 bits, and its pixels are
# 12; resize of the same file keeps 16 bits and 3000. With linear=True it is 8 bits,
# too.
#
# One would guess: a thumbnail is a smaller image of the same values.
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

depth_mm = np.full((480, 640), 3000, np.uint16)
image = pyvips.Image.new_from_memory(depth_mm.tobytes(), 640, 480, 1, "ushort")
image.copy(interpretation="grey16").pngsave("depth.png", bitdepth=16)
resized = pyvips.Image.new_from_file("depth.png").resize(0.5)
print("resize", resized.format, resized.avg())
assert (resized.format, resized.avg()) == ("ushort", 3000)
thumbnail = pyvips.Image.thumbnail("depth.png", 320)
print("thumbnail", thumbnail.format, thumbnail.avg())
assert (thumbnail.format, thumbnail.avg()) == ("uchar", 12), "16 bits stay now"
linear = pyvips.Image.thumbnail("depth.png", 320, linear=True)
print("thumbnail, linear", linear.format, linear.avg())
assert linear.format == "uchar", "16 bits stay now"
PY
echo "as described: thumbnails of 16-bit depth have 8 bits"
