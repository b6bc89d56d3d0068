#!/usr/bin/env bash
# A 0 in the shape that Reshape is given copies that axis of its input. onnxoptimizer
# takes Reshape for idempotent, as Relu is, and drops the first one of two in a row; the
# 0 of the second one then copies another axis. (1, 2, 3, 4) reshaped to (6, 4) and then
# to (0, 2, -1) has the shape (6, 2, 2), and (1, 2, 12) after optimize with its
# defaults.
#
# One would guess: an optimiser changes no shape.
#
# Seen with onnxoptimizer 0.4.2, onnx 1.23.2, onnxruntime 1.32.0 and numpy 2.4.6 on
# Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "onnxoptimizer==0.4.2" "onnx==1.23.2" "onnxruntime==1.32.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

constants = {"first": [6, 4], "second": [0, 2, -1]}
graph = helper.make_graph(
    [
        helper.make_node("Reshape", ["x", "first"], ["y"]),
        helper.make_node("Reshape", ["y", "second"], ["z"]),
    ],
    "graph",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 3, 4])],
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, [6, 2, 2])],
    [numpy_helper.from_array(np.array(v), name) for name, v in constants.items()],
)
opset = [helper.make_opsetid("", 17)]
model = helper.make_model(graph, opset_imports=opset, ir_version=8)
onnx.checker.check_model(model, full_check=True)


def run(model, x):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


x = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
before = run(model, x).shape
after = run(onnxoptimizer.optimize(model), x).shape
print(f"before: {before}, after: {after}")
assert before == (6, 2, 2)
assert after == (1, 2, 12), "the shape is kept now"
PY
echo "as described: of two reshapes the first one is lost"
