import dataclasses

import numpy as np
import pytest

from deepdepth_jax.batching import group_by_size, predict_each
from deepdepth_jax.types import Prediction


@dataclasses.dataclass
class Item:
    number: int
    image: np.ndarray
    focal_px: float = 0.0


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


def test_each_item_gets_its_own_prediction():
    def predict(images):
        depth_m = images[..., 0].astype(np.float32) + 1
        return Prediction(depth_m, depth_m / 100)

    for item, prediction in predict_each(predict, iter(items(SIZES)), 3, 0.0):
        assert prediction.depth_m.shape == item.image.shape[:2]
        assert (prediction.depth_m == item.number + 1).all()
        assert (prediction.confidence == (item.number + 1) / 100).all()


def one_metre(images):
    depth_m = np.ones(images.shape[:3], np.float32)
    return Prediction(depth_m, depth_m)


def test_canonical_depth_comes_back_in_the_metres_of_each_picture():
    pictures = [
        Item(0, np.zeros((4, 5, 3), np.uint8), focal) for focal in (250.0, 2000.0)
    ]
    for picture, prediction in predict_each(one_metre, iter(pictures), 2, 1000.0):
        np.testing.assert_allclose(prediction.depth_m, picture.focal_px / 1000)


def test_canonical_depth_without_a_focal_length_is_refused():
    with pytest.raises(ValueError, match="focal length"):
        list(predict_each(one_metre, iter(items([(4, 5)])), 1, 1000.0))
