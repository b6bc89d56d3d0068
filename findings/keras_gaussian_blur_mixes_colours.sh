#!/usr/bin/env bash
# `keras.ops.image.gaussian_blur` without a `data_format` takes rows for channels on the
# JAX backend, although Keras' own default is channels last: it blurs along columns and
# across colours, and not along rows. A red image becomes green as well, and a gray one
# of ones .45.
#
# One would guess: without a data format it uses that of the configuration, as its
# documentation says.
#
# Seen with keras 3.15.1, jax 0.10.2, jaxlib 0.10.2 and numpy 2.4.6 on Python 3.11,
# Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "keras==3.15.1" "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np

assert keras.config.image_data_format() == "channels_last"
blur = keras.ops.image.gaussian_blur
red = np.zeros((1, 9, 9, 3), np.float32)
red[..., 0] = 1
gray = np.ones((1, 9, 9, 1), np.float32)
found = [np.asarray(blur(x))[0, 4, 4] for x in (red, gray)]
told = [np.asarray(blur(x, data_format="channels_last"))[0, 4, 4] for x in (red, gray)]
print("red", found[0].round(3), "gray", found[1].round(3))
print("with data_format: red", told[0].round(3), "gray", told[1].round(3))
assert np.allclose(told[0], [1, 0, 0]) and np.allclose(told[1], 1)
assert np.allclose(found[0], [0.452, 0.274, 0], atol=1e-3), "colours are kept now"
assert np.allclose(found[1], 0.452, atol=1e-3), "ones stay ones now"
PY
echo "as described: the blur mixes colours"
