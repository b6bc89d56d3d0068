#!/usr/bin/env bash
# With `quality=-1`, which is lossless, 16-bit depths of 1000 to 1063 mm are saved as
# 960 or 1024 mm: 10 bits are kept, and the rest is cut off and not rounded. The file is
# read back as 16 bits.
#
# One would guess: lossless keeps 16 bits, or refuses them.
#
# Seen with pillow-heif 1.8.1, pillow 13.0.0 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pillow-heif==1.8.1" "pillow==13.0.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import io

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
depth_mm = np.arange(1000, 1064, dtype=np.uint16).reshape(8, 8)
file = io.BytesIO()
Image.fromarray(depth_mm).save(file, format="HEIF", quality=-1)
image = Image.open(io.BytesIO(file.getvalue()))
found = np.asarray(image)
print(depth_mm.min(), "to", depth_mm.max(), "->", image.mode, np.unique(found).tolist())
assert image.mode == "I;16"
# 1000 to 1023 have the same upper 10 bits as 960, and so on.
assert np.array_equal(found, depth_mm // 64 * 64), "16 bits are kept now"
PY
echo "as described: 10 bits are kept"
