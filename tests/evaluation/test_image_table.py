import csv

import numpy as np
import pytest

from deepdepth_jax.evaluation.image_table import ImageTable
from deepdepth_jax.metrics import METRICS

NAMES = [f"drive/{number}" for number in range(5)]
ABS_REL = {1: 0.3, 0: 0.1, 4: 0.5, 2: float("nan"), 3: 0.2}


@pytest.fixture
def table():
    """Five images that were added in another order than the split has."""
    table = ImageTable(NAMES, ["", "scaled"])
    for index, abs_rel in ABS_REL.items():
        own = dict.fromkeys(METRICS, abs_rel)
        table.add(NAMES[index], {"": own, "scaled": {m: own[m] / 2 for m in METRICS}})
    table.gather()
    return table


def test_means_are_over_the_images_that_have_ground_truth(table):
    means = table.means("")
    assert (means.images, means.images_without_ground_truth) == (4, 1)
    assert means.compute()["d1"] == pytest.approx((0.1 + 0.3 + 0.5 + 0.2) / 4)
    assert table.means("scaled").compute()["rmse"] == pytest.approx(1.1 / 8)


@pytest.mark.parametrize(
    ("count", "indices"),
    [
        (0, []),
        (1, [0]),
        (2, [0, 4]),
        (3, [0, 1, 4]),
        (4, [0, 3, 1, 4]),
        (9, [0, 3, 1, 4]),
    ],
)
def test_images_are_chosen_from_the_best_to_the_worst(table, count, indices):
    assert table.from_best_to_worst(count) == indices


def test_the_csv_has_a_line_an_image_in_the_order_of_the_split(table, tmp_path):
    table.write_csv(tmp_path / "images.csv")
    with (tmp_path / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == NAMES
    assert [row["abs_rel"] for row in rows] == ["0.1", "0.3", "", "0.2", "0.5"]
    assert float(rows[4]["scaled d3"]) == 0.25
    assert len(rows[0]) == 1 + 2 * len(METRICS)


def test_the_order_of_adding_changes_no_bit(table):
    rng = np.random.default_rng(0)
    numbers = rng.random(5)
    sums = []
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1]):
        other = ImageTable(NAMES, [""])
        for index in order:
            other.add(NAMES[index], {"": dict.fromkeys(METRICS, numbers[index])})
        other.gather()
        sums.append(other.means("").compute())
    assert sums[0] == sums[1]
