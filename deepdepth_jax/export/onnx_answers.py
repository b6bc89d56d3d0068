"""Posteriors, depth and confidence as ONNX, as `heads` and `inference` have them."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float
from onnx import TensorProto

from deepdepth_jax.bins import Decoding, DepthBins
from deepdepth_jax.export.onnx_graph import Graph
from deepdepth_jax.models.heads import Head, Ordinal, Regression
from deepdepth_jax.uncertainty.confidence import INTERVAL, log_depth_moments

BINS = 3
"""The axis of the bins in (b, h, w, k)."""

_EPS = float(np.finfo(np.float32).eps)
_TINY = float(np.finfo(np.float32).tiny)


def write_scores(graph: Graph, head: Head, outputs: str) -> str:
    """Writes `Head.scores`, from (b, c, h, w) to (b, m, h, w)."""
    if not isinstance(head, Ordinal):
        return outputs
    end, axis, step = (np.array([number]) for number in (head.channels, 1, 2))
    no, yes = (
        graph.add("Slice", outputs, np.array([first]), end, axis, step)
        for first in (0, 1)
    )
    return graph.add("Sub", yes, no)


def write_posterior(graph: Graph, head: Head, scores: str) -> str:
    """Writes `Head.posterior`, of (b, h, w, m)."""
    if isinstance(head, Ordinal):
        return _write_falling(graph, head, scores)
    if isinstance(head, Regression):
        return graph.add("Add", scores, head.middle)
    return graph.add("Softmax", scores, axis=BINS)


def _write_falling(graph: Graph, head: Ordinal, scores: str) -> str:
    """Writes `Ordinal.posterior`."""
    add, k, axis = graph.add, head.bins.num_bins, np.array([BINS])
    beyond = add("Sigmoid", scores)
    falling = add("TopK", beyond, np.array([k]), axis=BINS)
    falling = add("Slice", falling, np.array([0]), np.array([k - 1]), axis)
    before, after = (
        add("Pad", falling, np.array([*(0,) * 3, left, *(0,) * 3, 1 - left]), value)
        for left, value in ((1, 1.0), (0, 0.0))
    )
    steps = add("Max", add("Sub", before, after), _EPS)
    return add("Div", steps, add("MatMul", steps, np.ones((k, 1), np.float32)))


def write_depth(graph: Graph, head: Regression, posterior: str) -> str:
    """Writes `Regression.depth_m`."""
    depth_m = graph.add("Squeeze", graph.add("Exp", posterior), np.array([BINS]))
    return graph.add("Clip", depth_m, head.bins.min_depth_m, head.bins.max_depth_m)


def write_answers(
    graph: Graph, own: str, calibrated: str, bins: DepthBins, decode: Decoding
) -> dict[str, str]:
    """Writes every output, under the name that it has in `types.Prediction`.

    Args:
      graph: is added to.
      own: the network's own distribution (b, h, w, k), which depth is read off.
      calibrated: the one that confidence is read off.
      bins: the classes.
      decode: see `DepthBins.decode`.

    Returns:
      Names of the tensors, by output.
    """
    sure = Distribution(graph, calibrated, bins)
    low, high = INTERVAL
    return {
        "depth_m": Distribution(graph, own, bins).depth_m(decode),
        "confidence": graph.add("ReduceMax", calibrated, axes=[BINS], keepdims=0),
        "entropy_nats": sure.entropy_nats(),
        "log_depth_std": sure.log_depth_std(),
        "low_m": sure.quantile(low),
        "high_m": sure.quantile(high),
    }


@dataclasses.dataclass(frozen=True)
class Distribution:
    """Writes the readouts of the distributions of all pixels.

    Attributes:
      graph: is added to.
      probabilities: name of the value (b, h, w, k). All results are (b, h, w).
      bins: bins of its last axis.
    """

    graph: Graph
    probabilities: str
    bins: DepthBins

    def depth_m(self, decode: Decoding) -> str:
        """Writes `DepthBins.decode`.

        Args:
          decode: see `DepthBins.decode`.

        Returns:
          Name of the tensor (b, h, w), metres.
        """
        if decode == "median":
            return self.quantile(0.5)
        if decode == "absrel":
            return self._least_absrel()
        if decode == "expectation":
            return self._mean(self.bins.centers_m)
        if decode == "count":
            half = self.graph.add("Mul", self._total, 0.5)
            behind = self._first(self.graph.add("Greater", self._until, half))
            bin_ = self.graph.add("Squeeze", behind, np.array([BINS]))
            return self.graph.add("Gather", self.bins.centers_m, bin_)
        geometric = decode == "argmax_geometric"
        centers_m = self.bins.geometric_centers_m if geometric else self.bins.centers_m
        best = self.graph.add("ArgMax", self.probabilities, axis=BINS, keepdims=0)
        return self.graph.add("Gather", centers_m, best)

    def entropy_nats(self) -> str:
        """Writes -sum p ln p. 0 ln 0 is 0."""
        add = self.graph.add
        logs = add("Log", add("Max", self.probabilities, _TINY))
        terms = add("Mul", self.probabilities, logs)
        return add("MatMul", terms, np.full(self.bins.num_bins, -1, np.float32))

    def log_depth_std(self) -> str:
        """Writes `confidence.log_depth_std`."""
        add = self.graph.add
        means, variances = log_depth_moments(self.bins)
        mean = add("Unsqueeze", self._mean(means), np.array([BINS]))
        deviation = add("Sub", means, mean)
        spread = add("Add", add("Mul", deviation, deviation), variances)
        terms = add("Mul", self.probabilities, spread)
        ones = np.ones(self.bins.num_bins, np.float32)
        return add("Sqrt", add("MatMul", terms, ones))

    def quantile(self, share: float) -> str:
        """Adds the nodes of `DepthBins.quantile`.

        Args:
          share: the share of probability before the quantile.

        Returns:
          Name of the output.
        """
        add = self.graph.add
        bin_, fraction = self._place(share)
        position = add("Add", add("Cast", bin_, to=TensorProto.FLOAT), fraction)
        return self._depth_at(add("Squeeze", position, np.array([BINS])))

    def _place(self, share: float) -> tuple[str, str]:
        """Writes the bin of a quantile and the share of the bin before it."""
        add = self.graph.add
        target = add("Mul", self._total, share)
        bin_ = self._first(add("GreaterOrEqual", self._until, target))
        inside = add("GatherElements", self.probabilities, bin_, axis=BINS)
        before = add("Sub", add("GatherElements", self._until, bin_, axis=BINS), inside)
        missing = add("Sub", target, before)
        fraction = add("Div", missing, add("Max", inside, _TINY))
        return bin_, add("Clip", fraction, 0.0, 1.0)

    def _least_absrel(self) -> str:
        """Writes `DepthBins.least_absrel`."""
        add, bins = self.graph.add, self.bins
        weighted = add("Mul", self.probabilities, bins.absrel_weights)
        bin_, fraction = Distribution(self.graph, weighted, bins)._place(0.5)
        bin_, fraction = (add("Squeeze", x, np.array([BINS])) for x in (bin_, fraction))
        step = add("Mul", add("Gather", bins.absrel_weights, bin_), fraction)
        near_m = add("Gather", bins.edges_m[:-1], bin_)
        if bins.kind == "ud":
            return add("Mul", near_m, add("Exp", step))
        return add("Reciprocal", add("Sub", add("Reciprocal", near_m), step))

    @functools.cached_property
    def _until(self) -> str:
        # A product, as all sums over bins: runtimes compute `CumSum` on one core.
        count = self.bins.num_bins
        before = np.triu(np.ones((count, count), np.float32))
        return self.graph.add("MatMul", self.probabilities, before)

    @functools.cached_property
    def _total(self) -> str:
        last = np.array([self.bins.num_bins - 1])
        return self.graph.add("Gather", self._until, last, axis=BINS)

    def _first(self, is_true: str) -> str:
        """Writes the first bin for which something is true, as (b, h, w, 1)."""
        # Of equal ones the first is taken; there is no ArgMax of truth values.
        number = self.graph.add("Cast", is_true, to=TensorProto.FLOAT)
        return self.graph.add("ArgMax", number, axis=BINS, keepdims=1)

    def _depth_at(self, position: str) -> str:
        """Writes `DepthBins.depth_at`."""
        add, bins = self.graph.add, self.bins
        share = add("Div", position, float(bins.num_bins))
        if bins.kind == "ud":
            span_m = bins.max_depth_m - bins.min_depth_m
            beyond_m = add("Mul", share, span_m)
            return add("Add", beyond_m, bins.min_depth_m)
        ratio = add("Pow", bins.max_depth_m / bins.min_depth_m, share)
        return add("Mul", ratio, bins.min_depth_m)

    def _mean(self, values: Float[np.ndarray, " k"]) -> str:
        return self.graph.add("MatMul", self.probabilities, values)
