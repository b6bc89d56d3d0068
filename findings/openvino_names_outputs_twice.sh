#!/usr/bin/env bash
# The outputs of an ONNX model that OpenVINO has read have two names where an Identity
# makes a value the output: `any_name` returns the inner one, which the file does not
# list among its outputs.
#
# One would guess: an output is called what the file calls it.
#
# Seen with openvino 2026.4.1, onnx 1.23.2 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "openvino==2026.4.1" "onnx==1.23.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY'
import openvino
from onnx import TensorProto, helper

x, depth = (
    helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 4])
    for name in ("x", "depth")
)
nodes = [
    helper.make_node("Sqrt", ["x"], ["Sqrt_0"]),
    helper.make_node("Identity", ["Sqrt_0"], ["depth"]),
]
graph = helper.make_graph(nodes, "graph", [x], [depth])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU")
[output] = compiled.outputs
print("outputs in the file:", [each.name for each in model.graph.output])
print("any_name:", output.any_name, "names:", sorted(output.names))
raise SystemExit(output.any_name == "depth")
PY
echo "as described: the inner name is returned"
