"""Predictions beside ONNX Runtime and OpenVINO, which run the file that we export.

    python -m benchmarks.runtimes
    python -m benchmarks.runtimes --source=runs/streets --size 96x320

All get the same uint8 images, one at a time, and return arrays on the host. The
runtimes compute all outputs of a file at every call. `DepthPredictor` computes a map
when it is asked for, so there is a row for depth alone and one for all maps. Each
program runs in a process of its own, and they alternate.

Without --source the networks are a small one (configs/streets.py) and DeepLab v2 with
ResNet-101, with weights drawn at random. OpenVINO is measured if it is installed, and
computes in float32, which it would not by itself on a CPU with bfloat16.
"""

import argparse
import dataclasses
import functools
import importlib.util
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import UInt8

from benchmarks.child import Child, Work
from benchmarks.command import Benchmark, run
from benchmarks.memory import recipe
from benchmarks.pairing import alternate
from benchmarks.table import OURS, Row
from deepdepth_jax.config import Config, complete, load_config, with_fields
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.layout import batch_size_for
from deepdepth_jax.inference.network_file import write_network
from deepdepth_jax.inference.predictor import DepthPredictor
from deepdepth_jax.inference.saved_network import SavedNetwork, load_network
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.compiled import hand_back_memory
from deepdepth_jax.runtime.installation import install_command
from deepdepth_jax.weights.adopt import adopt_pretrained

ONNX_RUNTIME, OPENVINO = "ONNX Runtime", "OpenVINO in float32"
ONE_BY_ONE = "one by one"
BATCH = 8
DEPTH, ALL, TOGETHER = "depth", "all maps", f"{BATCH} images together"
SMALL = (96, 320)
LARGE = (375, 1242)

Size = tuple[int, int]
T = TypeVar("T")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this benchmark."""
    parser.add_argument(
        "--source", type=cli.path, help="a run or a file of weights, in place of both"
    )
    parser.add_argument(
        "--size",
        type=_size,
        nargs="+",
        metavar="HEIGHTxWIDTH",
        help="of the images. 96x320 and 375x1242 by default, ResNet-101 the latter",
    )


def _size(text: str) -> Size:
    height, width = map(int, text.split("x"))
    return height, width


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measures all networks at their sizes."""
    if importlib.util.find_spec("openvino") is None:
        command = install_command("openvino")
        print(f"OpenVINO is not measured: {command}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, source, sizes in _networks(arguments, folder):
            export(source, folder / "depth.onnx")
            for size in arguments.size or sizes:
                yield from compare(
                    title, source, folder / "depth.onnx", size, arguments
                )


def _networks(
    arguments: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, Path, tuple[Size, ...]]]:
    """Yields title, source and sizes of each network."""
    if arguments.source is not None:
        path = folder / "one_view.safetensors"
        write_network(path, one_view(load_network(arguments.source)))
        yield arguments.source.stem, path, (SMALL, LARGE)
        return
    streets = adopt_pretrained(complete(load_config("configs/streets.py")))
    deeplab = recipe("float32", "none", 1)
    for title, config, sizes in (
        ("configs/streets.py", streets, (SMALL, LARGE)),
        ("ResNet-101", deeplab, (LARGE,)),
    ):
        path = folder / "random.safetensors"
        write_random(path, with_fields(config, {"eval.decode": "expectation"}))
        yield title, path, sizes


def one_view(network: SavedNetwork) -> SavedNetwork:
    """Returns the network as it is exported: it sees each image once."""
    views = {"eval.scales": (1.0,), "eval.flip": False}
    return dataclasses.replace(network, config=with_fields(network.config, views))


def write_random(path: Path, config: Config) -> None:
    """Writes a network with weights drawn at random as a file of weights."""
    variables = initial_variables(build_network(config).model, seed=0)
    write_network(path, SavedNetwork(config, variables, {}, TrainingCamera(), step=0))


def export(source: Path, path: Path) -> None:
    """Writes a network as ONNX with all its outputs."""
    from deepdepth_jax.export.onnx_model import onnx_model
    from deepdepth_jax.export.pipeline import Pipeline

    network = load_network(source)
    pipeline = Pipeline.of(network.config, network.config.data.canonical_focal_px)
    model = onnx_model(pipeline, jax.device_get(network.trained), {})
    path.write_bytes(model.SerializeToString())


def compare(
    title: str, source: Path, model: Path, size: Size, arguments: argparse.Namespace
) -> Iterator[Row]:
    """Measures all programs at one size."""
    own = [DEPTH, ALL] + [TOGETHER] * (batch_size_for(size, BATCH) == BATCH)
    children = {what: Child(ours, source, size, what) for what in own}
    children[ONNX_RUNTIME] = Child(onnx_runtime, model, size)
    if importlib.util.find_spec("openvino") is not None:
        children[OPENVINO] = Child(openvino, model, size)
    measures = {name: child.seconds for name, child in children.items()}
    seconds = alternate(measures, arguments.rounds)
    first_s = {name: child.first_s for name, child in children.items()}
    peak_gb = {name: child.peak_gb() for name, child in children.items()}
    for child in children.values():
        child.close()
    of_case = f"{title}, {size[0]} x {size[1]}"
    for peer in sorted(children.keys() & {ONNX_RUNTIME, OPENVINO}):
        for what in (DEPTH, ALL):
            chosen = functools.partial(_pair, what, peer)
            figures = chosen(seconds), chosen(first_s), chosen(peak_gb)
            yield Row(f"{of_case}, {what}", *figures)
    if TOGETHER in children:
        alone = [BATCH * each for each in seconds[DEPTH]]
        together = {OURS: seconds[TOGETHER], ONE_BY_ONE: alone}
        yield Row(f"{of_case}, depth of {TOGETHER}", together)


def _pair(what: str, peer: str, figures: Mapping[str, T]) -> dict[str, T]:
    """Takes the figures of one of our programs, and those of a peer."""
    return {OURS: figures[what], peer: figures[peer]}


def random_image(size: Size) -> UInt8[np.ndarray, "h w 3"]:
    """Draws an image."""
    return np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)


def ours(source: Path, size: Size, what: str) -> Work:
    """Builds our program, for images at their own scale."""
    warnings.filterwarnings("ignore", message=".*unknown focal length")
    hand_back_memory()  # as commands do
    predictor, image = load_predictor(source), random_image(size)
    if what == TOGETHER:
        return lambda: [found.depth_m for found in predictor([image] * BATCH)]
    if what == ALL:
        return lambda: predictor(image).maps()
    return lambda: predictor(image).depth_m


def load_predictor(source: Path) -> DepthPredictor:
    """Loads a predictor that runs as many as `BATCH` images together."""
    network = load_network(source)
    config = with_fields(network.config, {"eval.batch_size": BATCH})
    network = dataclasses.replace(network, config=config)
    return DepthPredictor.of(network, scale=1)


def onnx_runtime(model: Path, size: Size) -> Work:
    """Builds ONNX Runtime's program, with its own choice of threads."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return functools.partial(session.run, None, {"image": random_image(size)[None]})


def openvino(model: Path, size: Size) -> Work:
    """Builds OpenVINO's program, which computes in float32."""
    import openvino as runtime

    compiled = runtime.Core().compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    request, image = compiled.create_infer_request(), random_image(size)[None]
    return lambda: [np.array(x) for x in request.infer({"image": image}).values()]


BENCHMARK = Benchmark("runtimes", add_options, rows)

if __name__ == "__main__":
    run("runtimes", __doc__, [BENCHMARK])
