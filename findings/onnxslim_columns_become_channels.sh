#!/usr/bin/env bash
# onnxslim folds a factor that multiplies a convolution's result into its weights, if
# the factor has as many entries as there are output channels. By ONNX's rules of
# broadcasting a factor of shape (width,) belongs to the columns, such as the cosine
# that turns distances along rays into depth. Where the width happens to be the number
# of channels, the columns' factors are applied to the channels.
#
# One would guess: a factor is folded only if it varies along the channels.
#
# Seen with onnxslim 0.1.98, onnx 1.23.2, onnxruntime 1.32.0 and numpy 2.4.6 on Python
# 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "onnxslim==0.1.98" "onnx==1.23.2" "onnxruntime==1.32.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import onnx
import onnxruntime
import onnxslim
from onnx import TensorProto, helper, numpy_helper

weights = {
    "kernel": np.ones((4, 1, 1, 1), np.float32),
    "columns": np.array([1, 10, 100, 1000], np.float32),
}
graph = helper.make_graph(
    [
        helper.make_node("Conv", ["x", "kernel"], ["y"]),
        helper.make_node("Mul", ["y", "columns"], ["z"]),
    ],
    "graph",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 2, 4])],
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4, 2, 4])],
    [numpy_helper.from_array(value, name) for name, value in weights.items()],
)
opset = [helper.make_opsetid("", 17)]
model = helper.make_model(graph, opset_imports=opset, ir_version=8)
onnx.checker.check_model(model, full_check=True)


def run(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": np.ones((1, 1, 2, 4), np.float32)})[0]


before = run(model)
after = run(onnxslim.slim(onnx.ModelProto.FromString(model.SerializeToString())))
print("channels and columns of the first row, before:", before[0, :, 0].tolist())
print("after:", after[0, :, 0].tolist())
assert (before[0, :, 0] == weights["columns"]).all()
assert np.array_equal(after, before.transpose(0, 3, 2, 1)), "columns stay columns now"
PY
echo "as described: factors of the columns are applied to the channels"
