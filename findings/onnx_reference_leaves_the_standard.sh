#!/usr/bin/env bash
# onnx's own `ReferenceEvaluator` normalises only the first channel in LRN, if there is
# one image: its loop runs over the batch. LogSoftmax of a logit 200 below the largest
# is -inf in place of -200, as it takes the logarithm of a softmax. MaxPool with
# SAME_LOWER and a stride of 2 makes 5 x 7 pixels 2 x 3, where onnx's own shape
# inference says 3 x 4. onnxruntime does all three as the standard says.
#
# One would guess: what is named the reference follows the standard of the same package.
#
# Seen with onnx 1.23.2, onnxruntime 1.32.0 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "onnx==1.23.2" "onnxruntime==1.32.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, shape_inference
from onnx.reference import ReferenceEvaluator


def both(operator, x, **attributes):
    values = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    node = helper.make_node(operator, ["x"], ["y"], **attributes)
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "graph", [values], [result])
    opset = helper.make_opsetid("", 20)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    inferred = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type
    shape = tuple(size.dim_value for size in inferred.shape.dim)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    reference = ReferenceEvaluator(model).run(None, {"x": x})[0]
    return reference, session.run(None, {"x": x})[0], shape


x = np.ones((1, 3, 1, 1), np.float32)
reference, other, _ = both("LRN", x, size=3, alpha=3.0, beta=1.0, bias=1.0)
print("LRN: reference", reference.ravel(), "onnxruntime", other.ravel())
wanted = 1 / (1 + np.array([2, 3, 2]))  # alpha / size is 1, squares of the neighbours
assert np.allclose(other.ravel(), wanted)
assert np.allclose(reference.ravel(), [wanted[0], 1, 1]), "all are normalised now"
reference, other, _ = both("LogSoftmax", np.array([[0, -200]], np.float32))
print("LogSoftmax: reference", reference, "onnxruntime", other)
assert np.allclose(other, [[0, -200]])
assert np.array_equal(reference, [[0, -np.inf]]), "it is -200 now"
image = np.arange(35, dtype=np.float32).reshape(1, 1, 5, 7)
options = {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}
reference, other, shape = both("MaxPool", image, **options)
print("MaxPool: reference", reference.shape, "onnxruntime", other.shape)
assert other.shape == shape == (1, 1, 3, 4)
assert reference.shape == (1, 1, 2, 3), "shapes agree now"
PY
echo "as described: the reference differs from the standard"
