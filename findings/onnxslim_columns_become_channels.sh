#!/usr/bin/env bash
# onnxslim folds a factor that multiplies a convolution's result into its weights if the
# factor has as many entries as there are output channels. By ONNX's rules of
# broadcasting a factor of shape (width,) belongs to the columns, such as a weight for
# each column. Where the width is the number of channels, the columns' factors are
# applied to the channels. With another width the result is right.
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


def weighted_columns(width):
    """A convolution to four channels, times a power of ten for each column."""
    weights = {
        "kernel": np.ones((4, 1, 1, 1), np.float32),
        "columns": 10 ** np.arange(width, dtype=np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "kernel"], ["y"]),
            helper.make_node("Mul", ["y", "columns"], ["z"]),
        ],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 2, width])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4, 2, width])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model, width):
    """Returns channels and columns of the first row."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.ones((1, 1, 2, width), np.float32)
    return session.run(None, {"x": x})[0][0, :, 0]


for width in (5, 4):
    model = weighted_columns(width)
    before = run(model, width)
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    after = run(onnxslim.slim(copy), width)
    print(f"{width} columns, channels before: {before.tolist()}")
    print(f"{width} columns, channels after: {after.tolist()}")
    assert np.allclose(before, [10.0**column for column in range(width)])
    expected = before.T if width == 4 else before
    assert np.array_equal(after, expected), "columns stay columns now"
PY
echo "as described: factors of the columns are applied to the channels"
