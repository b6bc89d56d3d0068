#!/usr/bin/env bash
# OpenVINO's CPU plugin turns NaN into ordinary numbers: Relu makes it 0, Clip its lower
# bound, and Softmax of a row with one NaN leaves the others at 0. So a network whose
# activations overflowed can answer with plausible depth. ONNX Runtime keeps NaN in all
# three. Both ignore it in ReduceMax and ArgMax.
#
# One would guess: NaN goes through every operation to the output, as in NumPy and in JAX,
# where a check of the output finds it.
#
# Seen with openvino 2026.4.0, onnxruntime 1.32.0, onnx 1.23.2 and numpy 2.4.6 on Python
# 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "openvino==2026.4.0" "onnxruntime==1.32.0" "onnx==1.23.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

VALUES = np.array([[0.5, np.nan, 3.0, 2.0]], np.float32)
CONSTANTS = {"low": np.float32(1), "high": np.float32(80), "axes": np.array([1])}


def model(op, *constants, **attributes):
    to = TensorProto.INT64 if op == "ArgMax" else TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node(op, ["x", *constants], ["y"], **attributes)],
        op,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", to, None)],
        [numpy_helper.from_array(np.asarray(CONSTANTS[name]), name) for name in constants],
    )
    opset = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def both(op, *constants, **attributes):
    content = model(op, *constants, **attributes)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    [of_ort] = session.run(None, {"x": VALUES})
    compiled = openvino.compile_model(openvino.Core().read_model(content), "CPU")
    of_openvino = compiled({"x": VALUES})[0]
    print(f"{op}: ONNX Runtime {of_ort.ravel()}, OpenVINO {of_openvino.ravel()}")
    return of_ort.ravel(), of_openvino.ravel()


for op, constants, instead in (("Relu", (), 0), ("Clip", ("low", "high"), 1)):
    of_ort, of_openvino = both(op, *constants)
    assert np.isnan(of_ort[1]), f"ONNX Runtime's {op} hides NaN now"
    assert of_openvino[1] == instead, f"OpenVINO's {op} does otherwise now"
of_ort, of_openvino = both("Softmax", axis=1)
assert np.isnan(of_ort).all() and not np.isnan(of_openvino[[0, 2, 3]]).any()
assert [found[0] for found in both("ReduceMax", "axes", keepdims=0)] == [3, 3]
assert [found[0] for found in both("ArgMax", axis=1, keepdims=0)] == [2, 2]
PY
echo "as described: OpenVINO turns NaN into ordinary numbers"
