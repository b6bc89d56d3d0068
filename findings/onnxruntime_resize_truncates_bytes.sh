#!/usr/bin/env bash
# Resize with mode linear of uint8 rounds down: between 10 and 11 it gives 10, 10, 10,
# 11 where the float32 of the same model is 10, 10.25, 10.75, 11. Of random bytes
# doubled in size the mean is lower by .47 than the exact one.
#
# One would guess: values are rounded, as in Pillow and OpenCV.
#
# Seen with onnxruntime 1.32.0, onnx 1.23.2 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "onnxruntime==1.32.0" "onnx==1.23.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper


def doubled(image, dtype):
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="linear")
    values = (
        helper.make_tensor_value_info(name, dtype, [None] * 4) for name in ("x", "y")
    )
    graph = helper.make_graph(
        [node], "resize", [next(values)], [next(values)], [scales]
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    session = ort.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": image})[0]


pair = np.array([[[[10, 11]]]], np.uint8)
bytes_ = doubled(pair, TensorProto.UINT8)[0, 0, 0]
exact = doubled(pair.astype(np.float32), TensorProto.FLOAT)[0, 0, 0]
print(bytes_.tolist(), exact.tolist())
assert exact.tolist() == [10, 10.25, 10.75, 11]
assert bytes_.tolist() == [10, 10, 10, 11], "it rounds now"
image = np.random.default_rng(0).integers(0, 256, (1, 1, 64, 64)).astype(np.uint8)
exact = doubled(image.astype(np.float32), TensorProto.FLOAT)
darker = float((exact - doubled(image, TensorProto.UINT8)).mean())
print("darker by", round(darker, 3))
assert 0.3 < darker < 0.5
PY
echo "as described: a resized image of bytes is darker"
