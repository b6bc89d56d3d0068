import numpy as np
import pytest

from deepdepth_jax.geometry.edges import at_edges, near_edges


def sparse_depth(share, size=(23, 31)):
    """Things at 5, 10 and 40 m in blocks, with ground truth for a share of pixels."""
    rng = np.random.default_rng(0)
    blocks = rng.choice(np.float32([5, 10, 40]), (size[0] // 8 + 1, size[1] // 8 + 1))
    truth_m = np.kron(blocks, np.ones((8, 8), np.float32))[: size[0], : size[1]]
    return np.where(rng.random(size) < share, truth_m, np.float32(0))


@pytest.mark.parametrize(("ratio", "is_edge"), [(1.2, False), (1.3, True)])
def test_a_step_is_told_by_its_ratio(ratio, is_edge):
    for near_m in (1.0, 50.0):
        depth_m = np.full((3, 4), near_m, np.float32)
        depth_m[:, 2:] *= ratio
        assert at_edges(depth_m).any() == is_edge
        assert near_edges(depth_m).any() == is_edge


@pytest.mark.parametrize("share", [1.0, 0.7, 0.2, 0.0])
def test_what_is_near_an_edge_equals_a_plain_reimplementation(share):
    truth_m = sparse_depth(share)
    height, width = truth_m.shape
    expected = np.zeros_like(truth_m, bool)
    for r in range(height):
        for c in range(width):
            around = truth_m[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2]
            known = around[around > 0]
            if known.size and known.max() > 1.25 * known.min():
                expected[max(r - 3, 0) : r + 4, max(c - 3, 0) : c + 4] = True
    np.testing.assert_array_equal(near_edges(truth_m), expected)
    assert expected.any() == (share > 0)
    assert not expected.all()


def test_the_end_of_the_ground_truth_is_an_edge_of_the_image_but_not_of_a_thing():
    truth_m = np.full((9, 20), 10, np.float32)
    truth_m[:3] = 0
    assert at_edges(truth_m)[2:4].all()
    assert not near_edges(truth_m).any()
