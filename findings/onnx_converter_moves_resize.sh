#!/usr/bin/env bash
# onnx.version_converter raises the opset of a model, which shall compute the same. Up to
# opset 10 Resize had no attribute for its coordinates, and ONNX Runtime takes them as
# "asymmetric". The attribute that came with opset 11 has the default "half_pixel". The
# converter does not set it, so an upgraded model shifts a doubled map by a quarter of an
# input pixel, and no check complains.
#
# One would guess: the attribute is added, with the value that keeps the results.
#
# Seen with onnx 1.23.2, onnxruntime 1.32.0 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "onnx==1.23.2" "onnxruntime==1.32.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, version_converter

graph = helper.make_graph(
    [helper.make_node("Resize", ["image", "factors"], ["resized"], mode="linear")],
    "resize",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 1, 4])],
    [helper.make_tensor_value_info("resized", TensorProto.FLOAT, [1, 1, 1, 8])],
    [helper.make_tensor("factors", TensorProto.FLOAT, [4], [1, 1, 1, 2])],
)
old = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 10)], ir_version=8)
new = version_converter.convert_version(old, 13)
for model in (old, new):
    onnx.checker.check_model(model)


def resize(model):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    image = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
    return session.run(None, {"image": image})[0].ravel().tolist()


print("opset 10:", resize(old))
print("opset 13:", resize(new))
assert resize(old) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3]
assert resize(new) == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], "kept now"
PY
echo "as described: the converted model resizes to other places"
