"""From an image to depth and confidence as one ONNX model."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from jaxtyping import UInt8
from onnx import TensorProto

from deepdepth_jax.export.onnx_answers import (
    BINS,
    write_answers,
    write_depth,
    write_posterior,
    write_scores,
)
from deepdepth_jax.export.onnx_graph import Graph
from deepdepth_jax.export.onnx_network import NetworkWriter, write_convention
from deepdepth_jax.export.pipeline import Pipeline
from deepdepth_jax.models.heads import Regression
from deepdepth_jax.types import IN_METRES, Trained


def onnx_model(
    pipeline: Pipeline, trained: Trained, metadata: Mapping[str, str]
) -> onnx.ModelProto:
    """Writes the model: uint8 (batch, height, width, 3) in, metres out.

    Batch, height and width are open. The model contains only the nodes of its outputs,
    because ONNX Runtime computes all outputs, whichever a caller asks for.

    Args:
      pipeline: the network with its decoding.
      trained: variables, as arrays on the host.
      metadata: names and texts to store in the model.

    Returns:
      The model.
    """
    graph = Graph()
    pixels = ("batch", "height", "width")
    image = graph.input("image", TensorProto.UINT8, (*pixels, 3))
    answers = _write_answers(graph, pipeline, trained, image)
    for name in answers.keys() & set(IN_METRES):
        answers[name] = graph.add("Mul", answers[name], pipeline.depth_factor)
    for name, value in answers.items():
        if name in pipeline.outputs:
            graph.output(name, value, TensorProto.FLOAT, pixels)
    return graph.model("depth", metadata)


def _write_answers(
    graph: Graph, pipeline: Pipeline, trained: Trained, image: str
) -> dict[str, str]:
    """Writes the fields of `types.Prediction` that the network has."""
    own, head = _write_posterior(graph, pipeline, trained, image), pipeline.network.head
    if isinstance(head, Regression):
        return {"depth_m": write_depth(graph, head, own)}
    calibrated = _write_calibrated(graph, own, float(trained.temperature))
    return write_answers(graph, own, calibrated, head.bins, pipeline.decode)


def _write_posterior(
    graph: Graph, pipeline: Pipeline, trained: Trained, image: str
) -> str:
    """Writes `posterior.PixelPosterior`."""
    size = graph.add("Shape", image, start=1, end=3)
    x = graph.add("Cast", image, to=TensorProto.FLOAT)
    if pipeline.flip:
        x = graph.add("Concat", x, _mirrored(graph, x, axis=2), axis=0)
    x = write_convention(graph, pipeline.network.convention, x)
    head = pipeline.network.head
    outputs = NetworkWriter(graph, pipeline.network.model, trained.variables).outputs(x)
    scores = write_scores(graph, head, outputs)
    batch_and_channels = graph.add("Shape", scores, start=0, end=2)
    full = graph.add(
        "Resize",
        scores,
        "",
        "",
        graph.add("Concat", batch_and_channels, size, axis=0),
        mode="linear",
        coordinate_transformation_mode="align_corners",
    )
    # ONNX Runtime's softmax is many times faster over the last axis.
    last = graph.add("Transpose", full, perm=[0, 2, 3, 1])
    posterior = write_posterior(graph, head, last)
    return _unmirrored(graph, posterior, image) if pipeline.flip else posterior


def _unmirrored(graph: Graph, both: str, image: str) -> str:
    """Averages the first half of a batch with the second, mirrored back."""
    half, axis = graph.add("Shape", image, start=0, end=1), np.array([0])
    straight = graph.add("Slice", both, np.array([0]), half, axis)
    end = np.array([np.iinfo(np.int64).max])
    mirrored = graph.add("Slice", both, half, end, axis)
    sum_ = graph.add("Add", straight, _mirrored(graph, mirrored, axis=2))
    return graph.add("Div", sum_, 2.0)


def _mirrored(graph: Graph, value: str, axis: int) -> str:
    backwards = (-1, np.iinfo(np.int64).min, axis, -1)  # start, end, axis, step
    return graph.add("Slice", value, *(np.array([number]) for number in backwards))


def _write_calibrated(graph: Graph, own: str, temperature: float) -> str:
    """Writes `confidence.at_temperature` of log-probabilities."""
    if temperature == 1:
        return own
    logs = graph.add("Log", own)
    scaled = graph.add("Div", logs, temperature)
    return graph.add("Softmax", scaled, axis=BINS)


def load_onnx(
    path: Path,
) -> Callable[[UInt8[np.ndarray, "b h w 3"]], dict[str, np.ndarray]]:
    """Loads a written model into ONNX Runtime, on the CPU."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(image: UInt8[np.ndarray, "b h w 3"]) -> dict[str, np.ndarray]:
        return dict(zip(names, session.run(names, {"image": image}), strict=True))

    return run
