#!/usr/bin/env bash
# `jax.image.resize` by nearest neighbours to half the size takes pixels 1, 3, 5, ...,
# and the exported model pixels 0, 2, 4, ...: it rounds down where an output pixel's
# centre lies between two pixels, and JAX rounds up. All pixels are other ones, and the
# image moves by a pixel. Sizes that never hit the middle agree.
#
# One would guess: an exported model takes the same pixels.
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
from jax2onnx import to_onnx


def both(size, new_size):
    def resize(image):
        return jax.image.resize(image, (1, new_size, new_size, 1), "nearest")

    shape = jax.ShapeDtypeStruct((1, size, size, 1), jnp.float32)
    model = to_onnx(resize, [shape]).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    columns = np.broadcast_to(np.arange(size, dtype=np.float32), (size, size))
    columns = columns[None, :, :, None]
    found = session.run(None, {session.get_inputs()[0].name: columns})[0]
    return [np.array(x)[0, 0, :, 0].astype(int) for x in (resize(columns), found)]


ours, theirs = both(8, 4)
print("8 to 4: JAX takes", ours, "and the model", theirs)
assert np.array_equal(ours, np.floor((np.arange(4) + 0.5) * 2))
assert np.array_equal(theirs, [0, 2, 4, 6]), "they agree now"
ours, theirs = both(518, 259)
print("518 to 259:", (ours != theirs).mean(), "of the columns differ")
assert (ours - theirs == 1).all()
ours, theirs = both(9, 3)
print("9 to 3: JAX takes", ours, "and the model", theirs)
assert np.array_equal(ours, theirs)
PY
echo "as described: the model takes other pixels"
