#!/usr/bin/env bash
# `lax.dynamic_slice` moves a window that reaches beyond the image back into it, so that
# it always returns the size it was asked for. The exported model cuts the window off: 4
# x 4 pixels from row 6 of 8 have two rows, though the model declares four.
#
# One would guess: an exported model returns what the function returns, at least its
# shape.
#
# Seen with jax2onnx 0.17.1, jax 0.10.2, jaxlib 0.10.2, onnx 1.23.2, onnxruntime 1.32.0
# and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "jax2onnx==0.17.1" "jax==0.10.2" "jaxlib==0.10.2" "onnx==1.23.2" \
  "onnxruntime==1.32.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
from jax import lax
from jax2onnx import to_onnx


def crop(image, row):
    return lax.dynamic_slice(image, (row, 0), (4, 4))


shapes = [jax.ShapeDtypeStruct((8, 8), jnp.float32), jax.ShapeDtypeStruct((), jnp.int32)]
model = to_onnx(crop, shapes).SerializeToString()
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
names = [value.name for value in session.get_inputs()]
image = np.arange(64, dtype=np.float32).reshape(8, 8)
print("declared", session.get_outputs()[0].shape)
assert session.get_outputs()[0].shape == [4, 4]
for row in 2, 6:
    inputs = dict(zip(names, (image, np.array(row, np.int32)), strict=True))
    found = session.run(None, inputs)[0]
    wanted = np.array(crop(image, row))
    print(f"from row {row}: JAX {wanted.shape}, first {wanted[0, 0]:.0f};", end=" ")
    print(f"model {found.shape}, first {found[0, 0]:.0f}")
    assert wanted.shape == (4, 4)
    if row == 2:
        assert np.array_equal(found, wanted)
    else:
        assert np.array_equal(wanted, image[4:8, :4])
        assert np.array_equal(found, image[6:8, :4]), "windows are moved now"
PY
echo "as described: windows at the border are smaller"
