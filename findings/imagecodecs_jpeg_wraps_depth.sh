#!/usr/bin/env bash
# `jpeg_encode` takes uint16 as 12 bits without checking that they fit. A gray 5000 mm
# comes back as 4095 and 20 000 mm as 3616; in three channels 5000 mm comes back as 904.
# `tifffile` with `compression="jpeg"` does the same.
#
# One would guess: values that do not fit are an error, or all of them become 4095.
#
# Seen with imagecodecs 2026.3.6, tifffile 2026.3.3 and numpy 2.4.6 on Python 3.11,
# Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "imagecodecs==2026.3.6" "tifffile==2026.3.3" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import io

import imagecodecs
import numpy as np
import tifffile


def through(value, *channels):
    image = np.full((16, 16, *channels), value, np.uint16)
    return imagecodecs.jpeg_decode(imagecodecs.jpeg_encode(image)).flat[0].item()


gray = {value: through(value) for value in (4000, 5000, 20_000)}
colour = {value: through(value, 3) for value in (4000, 5000)}
print("gray", gray, "three channels", colour)
assert gray == {4000: 4000, 5000: 4095, 20_000: 3616}, "they fit now"
assert colour == {4000: 4000, 5000: 904}, "they fit now"
file = io.BytesIO()
tifffile.imwrite(file, np.full((16, 16), 20_000, np.uint16), compression="jpeg")
file.seek(0)
assert tifffile.imread(file)[0, 0] == 3616, "they fit now"
PY
echo "as described: depth wraps in 12 bits"
