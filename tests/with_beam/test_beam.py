import numpy as np
import pytest
from numbered import COUNT, Numbered, NumberedBuilder

from deepdepth_jax.datasets.records import open_records

# Of TFDS with the older protobuf that Beam asks for.
pytestmark = pytest.mark.filterwarnings("ignore:label.. is deprecated")


@pytest.mark.parametrize("workers", [1, 2])
def test_beam_prepares_the_same_records(tmp_path, workers):
    options = f"--runner=DirectRunner --direct_num_workers={workers}"
    records = open_records(NumberedBuilder, Numbered(), tmp_path, options)
    assert records.count == COUNT
    for index in range(COUNT):
        features = records.decode(records.read(index))
        expected = Numbered().read(index)
        assert features["name"].numpy().decode() == expected.name
        np.testing.assert_array_equal(features["image"], expected.image)
        np.testing.assert_array_equal(features["depth_m"], expected.depth_m)
