#!/usr/bin/env bash
# ReduceMax of (NaN, 1, 3, 2) is NaN, and of (1, NaN, 3, 2) it is 3: a NaN counts only
# if it comes first. ReduceMin and ArgMax are alike, and GlobalMaxPool never sees a NaN.
# Max of two arrays is NaN wherever one of them is, and so is ONNX's own reference for
# ReduceMax.
#
# One would guess: the maximum of numbers with a NaN is NaN, or that of the others,
# wherever the NaN is.
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
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def model(operator, shape, opset):
    node = helper.make_node(operator, ["x"], ["y"])
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def run(operator, values, opset=18):
    made = model(operator, values.shape, opset)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    return session.run(None, {"x": values})[0].item()


first = np.array([np.nan, 1, 3, 2], np.float32)
second = np.array([1, np.nan, 3, 2], np.float32)
for operator, other in {"ReduceMax": 3, "ReduceMin": 1, "ArgMax": 2}.items():
    found = run(operator, first), run(operator, second)
    print(operator, "NaN first:", found[0], "NaN second:", found[1])
    assert found[1] == other, "a NaN counts anywhere now"
    assert found[0] == 0 if operator == "ArgMax" else np.isnan(found[0])
pooled = [run("GlobalMaxPool", x.reshape(1, 1, 2, 2)) for x in (first, second)]
print("GlobalMaxPool", pooled)
assert pooled == [3, 3], "a NaN counts now"
reference = ReferenceEvaluator(model("ReduceMax", [4], 18))
assert all(np.isnan(reference.run(None, {"x": x})[0]) for x in (first, second))
PY
echo "as described: a NaN counts only in the first place"
