#!/usr/bin/env bash
# OpenVINO reads an ONNX Resize and drops three of its attributes without a word.
# `antialias` does nothing, so that images are shrunk by plain bilinear interpolation;
# `keep_aspect_ratio_policy` does nothing, so that a square of 8 x 8 becomes 4 x 6 where
# ONNX Runtime returns 4 x 4; `exclude_outside` does nothing.
#
# One would guess: an attribute that is not implemented is an error, as it is for
# `tf_crop_and_resize`.
#
# Seen with openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2 and numpy 2.4.6 on Python
# 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "openvino==2026.4.1" "onnxruntime==1.32.0" "onnx==1.23.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper


def run(image, sizes, **attributes):
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_empty_tensor_value_info("y")],
        [onnx.numpy_helper.from_array(np.array(sizes), "sizes")],
    )
    opset = helper.make_opsetid("", 19)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    text = model.SerializeToString()
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(text), "CPU")
    by_onnx = onnxruntime.InferenceSession(text).run(None, {"x": image})[0]
    return by_onnx, compiled([image])[0]


columns = np.tile(np.arange(8, dtype=np.float32), (1, 1, 8, 1))
smooth = run(columns, [1, 1, 4, 4], mode="linear", antialias=1)
print("antialias:", [found[0, 0, 0].round(3).tolist() for found in smooth])
assert np.allclose(smooth[0][0, 0, 0], [0.625, 2.5, 4.5, 6.375])
assert np.allclose(smooth[1][0, 0, 0], [0.5, 2.5, 4.5, 6.5]), "antialias acts now"
kept = run(columns, [4, 6], axes=[2, 3], keep_aspect_ratio_policy="not_larger")
print("not_larger than 4 x 6:", [found.shape for found in kept])
assert [found.shape[2:] for found in kept] == [(4, 4), (4, 6)], "the ratio is kept now"
edges = run(columns, [1, 1, 16, 16], mode="cubic", exclude_outside=1)
print("exclude_outside:", [found[0, 0, 8, 0].round(3).item() for found in edges])
assert abs(edges[0] - edges[1]).max() > 0.02, "the edges agree now"
PY
echo "as described: antialias and the aspect ratio are dropped"
