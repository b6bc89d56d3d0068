#!/usr/bin/env bash
# Two RandomNormalLike nodes with the same input are two independent draws. onnxsim,
# onnxslim and onnxoptimizer take them for a common subexpression and keep one of them,
# so that their difference, with a standard deviation of 1.4, is 0 everywhere. ONNX
# Runtime, which optimises as well when it loads a model, keeps both.
#
# One would guess: operators without a fixed result are no common subexpressions.
#
# Seen with onnxsim 0.8.1, onnxslim 0.1.98, onnxoptimizer 0.4.2, onnx 1.23.2,
# onnxruntime 1.32.0 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "onnxsim==0.8.1" "onnxslim==0.1.98" "onnxoptimizer==0.4.2" "onnx==1.23.2" \
  "onnxruntime==1.32.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
import onnxsim
import onnxslim
from onnx import TensorProto, helper

graph = helper.make_graph(
    [
        helper.make_node("RandomNormalLike", ["x"], ["a"]),
        helper.make_node("RandomNormalLike", ["x"], ["b"]),
        helper.make_node("Sub", ["a", "b"], ["z"]),
    ],
    "graph",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1000])],
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1000])],
)
opset = [helper.make_opsetid("", 17)]
model = helper.make_model(graph, opset_imports=opset, ir_version=8)
onnx.checker.check_model(model, full_check=True)


def copy():
    return onnx.ModelProto.FromString(model.SerializeToString())


def difference(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": np.zeros(1000, np.float32)})[0]


passes = onnxoptimizer.get_fuse_and_elimination_passes()
found = {
    "onnxsim": onnxsim.simplify(copy())[0],
    "onnxslim": onnxslim.slim(copy()),
    "onnxoptimizer": onnxoptimizer.optimize(copy(), passes),
}
std = difference(model).std()
print(f"standard deviation of the difference: {std:.1f}")
assert std > 1
for name, optimised in found.items():
    apart = np.abs(difference(optimised)).max()
    print(f"after {name} they differ by at most {apart:.1f}")
    assert apart == 0, f"{name} keeps both draws now"
PY
echo "as described: three tools make one draw of two"
