"""The same streets in another world."""

import jax
import numpy as np
import pytest
from street_views import HEIGHT, WIDTH

from deepdepth_jax.config import FIELDS
from deepdepth_jax.datasets.pairs.pairs_source import PairsSource
from deepdepth_jax.datasets.streets import evening
from deepdepth_jax.datasets.streets.export import WORLD_NAMES, main
from deepdepth_jax.datasets.streets.render import intrinsics
from deepdepth_jax.datasets.streets.streets_source import StreetsSource
from deepdepth_jax.datasets.streets.worlds import WORLDS


def test_its_camera_is_higher_and_its_lens_longer(empty_scene):
    image, depth_m = evening.render_view(empty_scene, jax.random.key(0), HEIGHT, WIDTH)
    focal_px = evening.focal_px(HEIGHT, WIDTH)
    assert focal_px == pytest.approx(1.3 * intrinsics(HEIGHT, WIDTH).focal_px)
    below_px = np.arange(HEIGHT) + 0.5 - intrinsics(HEIGHT, WIDTH).center_y_px
    rows = np.where(below_px > 0, (1.6 + 0.45) * focal_px / below_px, 0)
    expected_m = np.broadcast_to(rows[:, None], depth_m.shape)
    np.testing.assert_allclose(depth_m, expected_m, rtol=1e-4)
    assert image.dtype == np.uint8


def test_the_worlds_are_those_of_the_config_and_of_the_export():
    assert tuple(WORLDS) == FIELDS["data.streets.world"].choices == WORLD_NAMES


def test_pairs_are_exported_as_they_are_rendered(tmp_path, capsys):
    size = [f"--height={HEIGHT}", f"--width={WIDTH}"]
    scenes = ["--count=3", "--seed=4", "--world=evening"]
    main(["--layout=pairs", f"--output={tmp_path / 'b'}", *size, *scenes])
    assert "wrote 3 frames" in capsys.readouterr().out
    source = PairsSource(tmp_path / "b/pairs.jsonl", "train", 1 / 256)
    assert (len(source), source.present[0]) == (2, "image/000001.png")
    rendered = StreetsSource("train", 3, HEIGHT, WIDTH, 4, world="evening").read(1)
    read = source.read(0)
    np.testing.assert_array_equal(read.image, rendered.image)
    near = rendered.depth_m < 250
    apart_m = np.abs(read.depth_m - rendered.depth_m)[near]
    assert apart_m.max() <= 0.5 / 256
    assert read.focal_px == pytest.approx(rendered.focal_px)
