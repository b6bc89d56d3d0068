#!/usr/bin/env bash
# `jax.nn.one_hot` of -1, a common label of pixels to ignore, is all zeros. The exported
# model counts from the end and returns the last class, so that ignored pixels count for
# it. Labels that are too large are zeros in both.
#
# One would guess: an exported model ignores the labels that the function ignores.
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


def encode(labels):
    return jax.nn.one_hot(labels, 4)


labels = np.array([0, 3, -1, 7], np.int32)
model = to_onnx(encode, [jax.ShapeDtypeStruct((4,), jnp.int32)]).SerializeToString()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
found = session.run(None, {session.get_inputs()[0].name: labels})[0]
wanted = np.array(encode(labels))
print("labels per class: JAX", wanted.sum(0), "model", found.sum(0))
assert np.array_equal(wanted, labels[:, None] == np.arange(4))
assert np.array_equal(found[2], [0, 0, 0, 1]), "-1 is ignored now"
assert np.array_equal(np.delete(found, 2, 0), np.delete(wanted, 2, 0))
PY
echo "as described: -1 is the last class"
