#!/usr/bin/env bash
# `convert_float_to_float16` changes constants of 65 000 and 20 000 into 10 000, though
# float16 reaches 65 504.
#
# One would guess: only what float16 cannot hold, from 65 520 on, is changed.
#
# Seen with onnxconverter-common 1.16.0, onnx 1.23.2 and numpy 2.4.6 on Python 3.11,
# Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "onnxconverter-common==1.16.0" "onnx==1.23.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxconverter_common.float16 import convert_float_to_float16

constant = numpy_helper.from_array(np.array([65000, 20000, 5000], np.float32), "c")
graph = helper.make_graph(
    [helper.make_node("Add", ["x", "c"], ["y"])],
    "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])],
    [constant],
)
converted = convert_float_to_float16(helper.make_model(graph))
found = numpy_helper.to_array(converted.graph.initializer[0])
print(found.dtype, found.tolist(), "float16 itself", np.float16(65000))
assert found.dtype == np.float16 and found.tolist() == [10000, 10000, 5000]
PY
echo "as described: constants above 10 000 become 10 000"
