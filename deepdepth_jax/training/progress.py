"""Logs of a training run: speed, time spent waiting, memory, parameters."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import jax

from deepdepth_jax.training.optimizer import Group, assign_groups
from deepdepth_jax.types import Tree

Item = TypeVar("Item")


class Meter:
    """Measures speed and waiting time between two readings.

    Args:
      batch_size: images per step over all processes.
      step: the step before the first one.
    """

    def __init__(self, batch_size: int, step: int) -> None:
        self._batch_size = batch_size
        self.restart(step)

    def restart(self, step: int) -> None:
        """Discards the time since the last reading."""
        self._step, self._start, self._waited = step, time.perf_counter(), 0.0

    def next_of(self, items: Iterator[Item]) -> Item:
        """Returns the next item and counts the time until it arrives as waiting."""
        start = time.perf_counter()
        item = next(items)
        self._waited += time.perf_counter() - start
        return item

    def read(self, step: int) -> dict[str, float]:
        """Returns images per second and the share of time spent waiting for data."""
        seconds = time.perf_counter() - self._start
        images, waited = (step - self._step) * self._batch_size, self._waited
        self.restart(step)
        return {
            "images_per_second": images / seconds,
            "data_wait_share": waited / seconds,
        }


def device_memory() -> dict[str, float]:
    """Returns the peak memory of the first local device, if JAX counts it (GPUs)."""
    statistics = jax.local_devices()[0].memory_stats()
    if not statistics:
        return {}
    return {"device_memory_gb": statistics["peak_bytes_in_use"] / 1e9}


def group_rates(
    groups: Sequence[Group], schedule: Callable[[int], float], step: int
) -> dict[str, float]:
    """Returns each group's learning rate at the step after `step`."""
    rate = float(schedule(step))
    return {"learning_rate": rate} | {
        f"learning_rate_{group.name}": group.lr_mult * rate for group in groups
    }


def parameter_table(params: Tree, groups: Sequence[Group]) -> str:
    """Formats the network's parts with the group and number of their parameters.

    The blocks of a stage share a line.

    Args:
      params: the network's parameters.
      groups: see `optimizer.parameter_groups`.

    Returns:
      A table of several lines.
    """
    tensors: Counter[tuple[str, str]] = Counter()
    numbers: Counter[tuple[str, str]] = Counter()
    names = jax.tree.leaves(assign_groups(params, groups))
    leaves = jax.tree_util.tree_leaves_with_path(params)
    for (path, leaf), group in zip(leaves, names, strict=True):
        part = "/".join(str(key.key) for key in path[:2]).partition("_")[0]
        tensors[part, group] += 1
        numbers[part, group] += leaf.size
    by_name = {group.name: group for group in groups}
    heads = f"{'part':18}{'group':10}{'tensors':>8}{'parameters':>14}"
    lines = [f"{heads}{'lr x':>7}{'decay':>9}"]
    for (part, group), count in tensors.items():
        rule = by_name[group]
        lines.append(
            f"{part:18}{group:10}{count:8}{numbers[part, group]:14,}"
            f"{rule.lr_mult:7g}{rule.weight_decay:9g}"
        )
    lines.append(f"{'all':28}{tensors.total():8}{numbers.total():14,}")
    return "\n".join(lines)
