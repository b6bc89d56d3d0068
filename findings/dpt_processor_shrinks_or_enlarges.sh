#!/usr/bin/env bash
# DPTImageProcessor with keep_aspect_ratio and a size of 518, as the preprocessor of
# Depth Anything is configured: 480 x 640 becomes 518 x 686, where the shorter side is
# 518, and 400 x 600 becomes 350 x 518, where the longer side is. The scale nearest to 1
# is taken, so an image with fewer rows gets 51% of the pixels. The authors' own code
# always makes the shorter side 518.
#
# One would guess: 518 is the bound of the same side for all images.
#
# Seen with transformers 4.57.1, pillow 12.3.0 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "transformers==4.57.1" "pillow==12.3.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from transformers import DPTImageProcessor

processor = DPTImageProcessor(
    size={"height": 518, "width": 518}, keep_aspect_ratio=True, ensure_multiple_of=14
)
for shape, expected in (
    ((480, 640), (518, 686)),
    ((400, 600), (350, 518)),
    ((240, 320), (392, 518)),
    ((1080, 1920), (518, 924)),
):
    image = np.zeros((*shape, 3), np.uint8)
    found = processor(image, return_tensors="np").pixel_values.shape[2:]
    print(shape, found)
    assert found == expected, "the side is fixed now"
PY
echo "as described: 518 bounds now one side and now the other"
