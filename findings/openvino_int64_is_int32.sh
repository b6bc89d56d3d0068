#!/usr/bin/env bash
# The CPU plugin keeps int64 in 32 bits. A model that returns its int64 input returns
# -1294967295 for 3000000001, and 603127808 for a time of 1.79e18 ns. The dtype of the
# result is int64.
#
# One would guess: a model that returns its input returns its input.
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
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import openvino
from onnx import TensorProto, helper

times = np.array([3_000_000_001, 1_790_000_000_000_000_000, 7])
info = [helper.make_tensor_value_info(name, TensorProto.INT64, [3]) for name in "xy"]
node = helper.make_node("Identity", ["x"], ["y"])
graph = helper.make_graph([node], "identity", info[:1], info[1:])
opset = helper.make_opsetid("", 17)
model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU")
found = compiled([times])[0]
print(times.tolist(), "->", found.dtype, found.tolist())
assert found.dtype == np.int64
assert np.array_equal(found, times.astype(np.int32)), "64 bits are kept now"
assert found[0] == -1_294_967_295 and found[1] == 603_127_808
PY
echo "as described: int64 has 32 bits"
