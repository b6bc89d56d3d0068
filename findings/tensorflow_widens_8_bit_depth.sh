#!/usr/bin/env bash
# tf.io.decode_png with dtype=tf.uint16 multiplies the values of an 8-bit PNG by 257,
# without being asked: 10 becomes 2570. The values of a 16-bit PNG stay, and the default
# of uint8 keeps their upper 8 bits, so that 3000 is 11.
#
# One would guess: a dtype that holds the values keeps them, as in NumPy, Pillow and
# OpenCV.
#
# Seen with tensorflow-cpu 2.21.0, pillow 12.3.0 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "tensorflow-cpu==2.21.0" "pillow==12.3.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import io

import numpy as np
import tensorflow as tf
from PIL import Image


def png(value, dtype):
    file = io.BytesIO()
    Image.fromarray(np.full((2, 2), value, dtype)).save(file, "PNG")
    return file.getvalue()


def decoded(value, stored, dtype):
    image = tf.io.decode_png(png(value, stored), dtype=dtype)
    [found] = np.unique(image)
    print(value, np.dtype(stored).name, "as", dtype.name, "is", found)
    return int(found)


assert decoded(3000, np.uint16, tf.uint16) == 3000
assert decoded(10, np.uint8, tf.uint8) == 10
assert decoded(10, np.uint8, tf.uint16) == 2570, "8 bits are kept now"
assert decoded(3000, np.uint16, tf.uint8) == 11
PY
echo "as described: 10 in a PNG of 8 bits is 2570 in uint16"
