#!/usr/bin/env bash
# Image.rotate and Image.transform of a 16-bit image (mode I;16), bilinear or bicubic,
# interpolate its bytes as if they were pixels of 8 bits. A constant depth of 3000 mm
# turns into values below 256. Nearest neighbours are right, and so are resize with
# every filter and the bilinear rotation of the same image as mode I.
#
# One would guess: rotate takes the 16-bit images that resize takes, or refuses them.
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
import numpy as np
from PIL import Image

AFFINE = Image.Transform.AFFINE
depth = Image.fromarray(np.full((9, 9), 3000, np.uint16))
for name in ("NEAREST", "BILINEAR", "BICUBIC"):
    how = getattr(Image.Resampling, name)
    turned = np.array(depth.rotate(30, how))[4, 2:7]
    moved = np.array(depth.transform((9, 9), AFFINE, (1, 0, 0.3, 0, 1, 0.3), how))[4, 2:7]
    print(f"{name}: rotated {turned.tolist()}, transformed {moved.tolist()}")
    if name == "NEAREST":
        assert (turned == 3000).all()
        assert (moved == 3000).all()
    else:
        assert max(turned.max(), moved.max()) < 256, "16 bits are interpolated now"
for how in Image.Resampling:
    resized = np.array(depth.resize((5, 5), how))[2, 1:4]
    print(f"{how.name}: resized {resized.tolist()}")
    assert (resized == 3000).all()
turned = np.array(depth.convert("I").rotate(30, Image.Resampling.BILINEAR))[4, 2:7]
print("BILINEAR, as mode I:", turned.tolist())
assert (turned == 3000).all()
PY
echo "as described: a rotation interpolates the bytes of 16-bit depth"
