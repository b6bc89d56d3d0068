import dataclasses

import numpy as np
import pytest

from deepdepth_jax.inference.batching import MOST_WAITING, group_by_size, in_batches


@dataclasses.dataclass
class Item:
    number: int
    image: np.ndarray


def items(sizes):
    return [
        Item(number, np.full((*size, 3), number, np.uint8))
        for number, size in enumerate(sizes)
    ]


SIZES = [(4, 5), (6, 5), (4, 5), (4, 5), (5, 4), (6, 5), (4, 5), (4, 5)]


@pytest.mark.parametrize("group_size", [1, 2, 3, 8, 20])
def test_every_item_comes_out_once_among_its_equals(group_size):
    groups = list(group_by_size(iter(items(SIZES)), group_size))
    assert all(len(group) <= group_size for group in groups)
    assert all(len({item.image.shape for item in group}) == 1 for group in groups)
    assert sorted(item.number for group in groups for item in group) == list(range(8))


def test_groups_are_given_as_soon_as_they_are_full():
    taken = []

    def watched():
        for item in items([(4, 5)] * 6):
            taken.append(item.number)
            yield item

    next(group_by_size(watched(), 2))
    assert taken == [0, 1]


def test_however_many_sizes_there_are_a_bounded_number_waits():
    read = []

    def watched():
        for item in items([(1, 1 + number) for number in range(3 * MOST_WAITING)]):
            read.append(item.number)
            yield item

    done = []
    for group in group_by_size(watched(), 2):
        assert len(read) - len(done) <= MOST_WAITING + 1
        done += [item.number for item in group]
    assert done == list(range(3 * MOST_WAITING))


def test_each_item_gets_its_own_part_of_every_result():
    def run(images, numbers):
        assert len(images) == len(numbers) <= 3
        return {"depth": images[..., 0] + 1, "others": (numbers / 100,)}

    done = list(
        in_batches(
            run,
            iter(items(SIZES)),
            3,
            lambda item: (item.image, np.float32(item.number)),
        )
    )
    assert sorted(item.number for item, _ in done) == list(range(8))
    for item, part in done:
        assert part["depth"].shape == item.image.shape[:2]
        assert (part["depth"] == item.number + 1).all()
        assert part["others"][0] == np.float32(item.number) / 100
