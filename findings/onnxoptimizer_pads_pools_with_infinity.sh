#!/usr/bin/env bash
# Pad with zeros before MaxPool: where all values are negative, as logits may be, the
# zeros are the maximum at the border. onnxoptimizer moves the padding into MaxPool,
# whose own padding is minus infinity, so the zeros vanish: the border of a constant -2
# is 0 before and -2 after optimize with its defaults.
#
# One would guess: a padding moves only into an operator that pads with the same value.
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

constants = {"pads": [0, 0, 1, 1, 0, 0, 1, 1]}
graph = helper.make_graph(
    [
        helper.make_node("Pad", ["x", "pads"], ["y"]),
        helper.make_node("MaxPool", ["y"], ["z"], kernel_shape=[3, 3]),
    ],
    "graph",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 3, 3])],
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 1, 3, 3])],
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


x = np.full((1, 1, 3, 3), -2, np.float32)
before = run(model, x)[0, 0]
after = run(onnxoptimizer.optimize(model), x)[0, 0]
print("before:", before.tolist())
print("after:", after.tolist())
border = np.ones((3, 3), bool)
border[1, 1] = False
assert np.array_equal(before, np.where(border, 0, -2))
assert (after == -2).all(), "the zeros stay now"
PY
echo "as described: zeros before a pooling become minus infinity"
