"""A small writer of ONNX graphs: one call a node, and arrays become constants."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET, IR_VERSION = 17, 8
"""Those of ONNX 1.12 (2022), which is all that is needed: old runtimes read it too."""

WITH_TWO_OUTPUTS = frozenset({"TopK"})
"""Operations that must be given a name for a second output too."""

Shape = tuple[str | int, ...]
"""Of a tensor. A name stands for a size that is open."""


class Graph:
    """Nodes in the order of their computation, and the constants that they need."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, kind: int, shape: Shape) -> str:
        """Adds an input of the model and gives its name back."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, value: str, kind: int, shape: Shape) -> None:
        """Makes a value an output of the model, under a name of its own."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=name))
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def add(
        self,
        operation: str,
        *inputs: str | float | int | np.ndarray,
        name: str = "",
        **attributes: Any,
    ) -> str:
        """Adds a node.

        Args:
          operation: as ONNX calls it.
          *inputs: names of values. "" for an optional one that is left out. Constants,
            of which a number becomes float32.
          name: of the node. Made up if it is empty.
          **attributes: of the operation.

        Returns:
          The name of its output, the first one if it has several.
        """
        name = name or f"{operation}_{len(self._nodes)}"
        given = [
            value if isinstance(value, str) else self._constant(f"{name}/{at}", value)
            for at, value in enumerate(inputs)
        ]
        unused = [f"{name}/unused"] if operation in WITH_TWO_OUTPUTS else []
        node = helper.make_node(
            operation, given, [name, *unused], name=name, **attributes
        )
        self._nodes.append(node)
        return name

    def _constant(self, name: str, value: float | int | np.ndarray) -> str:
        array = value if isinstance(value, np.ndarray) else np.float32(value)
        # Of any memory order, and of no dimension too.
        array = np.asarray(array, order="C")
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def model(self, name: str, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """Builds the model of the outputs, and checks it by ONNX, with shapes.

        Args:
          name: name of the graph.
          metadata: texts by name.

        Returns:
          The checked model.
        """
        nodes, constants = self._needed()
        graph = helper.make_graph(nodes, name, self._inputs, self._outputs, constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="deepdepth_jax",
        )
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model

    def _needed(self) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
        """Finds the nodes and the constants that an output depends on."""
        needed = {output.name for output in self._outputs}
        nodes = []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.append(node)
        return nodes[::-1], [x for x in self._constants if x.name in needed]
