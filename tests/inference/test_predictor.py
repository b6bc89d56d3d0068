import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from deepdepth_jax import DepthPredictor
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera, ViewScale
from deepdepth_jax.inference import layout
from deepdepth_jax.inference.depth_runner import DepthRunner
from deepdepth_jax.inference.layout import Mosaic, window_for
from deepdepth_jax.types import Prediction

BILINEAR = Image.Resampling.BILINEAR


def sample(seed=0, height=32, width=64):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@dataclasses.dataclass(frozen=True)
class Numbered:
    number: int
    image: np.ndarray
    focal_px: float = 0.0


@pytest.fixture(scope="module")
def plain(trained):
    return DepthPredictor.load(trained / "run")


def load(trained, **options):
    return DepthPredictor.load(trained / "run", **options)


def assert_same(found, expected, factor=1.0):
    for name in ("depth_m", "low_m", "high_m"):
        np.testing.assert_allclose(
            getattr(found, name), factor * getattr(expected, name), rtol=1e-4
        )
    for name in ("confidence", "entropy_nats", "log_depth_std"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-3, atol=1e-5
        )


def test_the_predictor_takes_any_size(plain):
    for height, width in ((33, 47), (1, 1), (8, 200)):
        result = plain(sample(0, height, width))
        for field in dataclasses.fields(Prediction):
            values = getattr(result, field.name)
            assert isinstance(values, np.ndarray)
            assert values.shape == (height, width)
            assert values.dtype == np.float32
        assert 1 <= result.depth_m.min() <= result.depth_m.max() <= 80
        assert 0 < result.confidence.min() <= result.confidence.max() <= 1


def test_arrays_on_a_device_are_taken(plain):
    assert_same(plain(jnp.asarray(sample())), plain(sample()))


def test_checkpoints_can_be_chosen(trained):
    last = DepthPredictor.load(trained / "run", "last")(sample())
    fourth = DepthPredictor.load(trained / "run", 4)(sample())
    third = DepthPredictor.load(trained / "run", 3)(sample())
    np.testing.assert_array_equal(last.depth_m, fourth.depth_m)
    assert (last.depth_m != third.depth_m).any()


def test_many_images_come_back_in_their_order(plain):
    sizes = [(32, 64)] * 3 + [(33, 47)] + [(32, 64)] * 2
    images = [Numbered(i, sample(i, *size)) for i, size in enumerate(sizes)]
    found = list(plain.predict_each(iter(images)))
    assert [item for item, _ in found] == images
    for item, prediction in found:
        assert_same(prediction, plain(item.image))


def spied(predictor_, monkeypatch):
    """Notes size of batch, and window, of everything that is run."""
    seen = []

    class Spied(DepthRunner):
        def __call__(self, trained, image):
            seen.append((self.batch_size, len(image), self.window))
            return super().__call__(trained, image)

    monkeypatch.setattr(predictor_._runner, "__class__", Spied)
    return seen


def test_no_more_than_a_batch_is_read_ahead(trained, monkeypatch):
    one = load(trained)
    seen = spied(one, monkeypatch)  # eval.batch_size is 2
    read = []

    def images():
        for number in range(5):
            read.append(number)
            yield Numbered(number, sample(number))

    most = 0
    for item, _ in one.predict_each(images()):
        most = max(most, len(read) - item.number)
    assert most == 2
    assert seen == [(2, 2, (0, 0)), (2, 2, (0, 0)), (2, 1, (0, 0))]


def test_large_images_run_alone_and_by_windows(trained, monkeypatch, plain):
    image = sample(0, 50, 90)
    monkeypatch.setattr(layout, "LARGEST_WHOLE_PX", 33 * 65)
    monkeypatch.setattr(layout, "WINDOW", (32, 64))
    large = load(trained)
    seen = spied(large, monkeypatch)
    items = [
        Numbered(0, sample()),
        Numbered(1, sample()),
        Numbered(2, image),
    ]
    *_, (_, found) = large.predict_each(iter(items))
    # Two small ones fit together no more; the large one has four windows.
    assert seen == [(1, 1, (0, 0))] * 2 + [(1, 1, (32, 64))]

    mosaic = Mosaic((50, 90), (32, 64))
    for window in mosaic.windows:
        mosaic.add(window, plain(image[window]).depth_m[None])
    assert len(mosaic.windows) == 4
    np.testing.assert_allclose(found.depth_m, mosaic.whole[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("window", "eval_window", "expected"),
    [
        (None, (0, 0), (0, 0)),
        (None, (16, 32), (16, 32)),
        ((24, 48), (16, 32), (24, 48)),
        ((0, 0), (16, 32), (0, 0)),
    ],
)
def test_the_window_is_the_given_one_or_the_configs(window, eval_window, expected):
    assert window_for((50, 90), window, eval_window) == expected


def test_an_enlarged_image_is_nearer_by_as_much(trained, plain):
    """As it is for `eval.scales`: what is seen twice as large is twice as far."""
    image = sample(0, 16, 32)
    found = load(trained, scale=2.0)(image)
    enlarged = plain(np.asarray(Image.fromarray(image).resize((64, 32), BILINEAR)))

    def reduced(values):
        return np.asarray(Image.fromarray(values).resize((32, 16), BILINEAR))

    np.testing.assert_allclose(found.depth_m, 2 * reduced(enlarged.depth_m), rtol=1e-4)
    np.testing.assert_allclose(
        found.confidence, reduced(enlarged.confidence), rtol=1e-4
    )


def test_a_reduced_image_comes_back_at_its_size(trained):
    for size in ((33, 47), (1, 1)):
        result = load(trained, scale=0.3)(sample(0, *size))
        assert result.depth_m.shape == result.high_m.shape == size
        assert 0.3 <= result.depth_m.min() <= result.depth_m.max() <= 0.3 * 80


def test_an_image_cannot_be_scaled_away(plain):
    for scale in (0, -1.0):
        with pytest.raises(ValueError, match=f"scale={scale}: must be > 0"):
            DepthPredictor(plain.config, plain._trained, scale=scale)


def test_images_of_another_camera_are_brought_to_the_focal_length_of_training(
    trained, plain
):
    training_px = plain.training_focal_px
    assert training_px == pytest.approx(721.5377 * 64 / 1242)
    assert_same(plain(sample(), focal_px=training_px), plain(sample()))
    assert plain.view_scale(2 * training_px) == ViewScale(0.5, 1.0)
    assert plain.view_scale(0.0) == ViewScale(1.0, 1.0)
    found = plain(sample(0, 64, 128), focal_px=2 * training_px)
    assert_same(found, load(trained, scale=0.5)(sample(0, 64, 128)), factor=2)
    sizes = [(0.0, (32, 64)), (2 * training_px, (64, 128)), (0.0, (64, 128))]
    items = [Numbered(i, sample(0, *size), px) for i, (px, size) in enumerate(sizes)]
    own, again, unscaled = (result for _, result in plain.predict_each(iter(items)))
    assert_same(own, plain(sample()))
    assert_same(again, found)
    assert_same(unscaled, plain(sample(0, 64, 128)))


def test_a_focal_length_may_be_given_as_on_film(plain):
    image = sample(0, 64, 128)
    in_px = 50 * np.hypot(64, 128) / np.hypot(36, 24)
    assert_same(plain(image, focal_mm35=50), plain(image, focal_px=float(in_px)))
    with pytest.raises(UserError, match="only one of the two may be given"):
        plain(image, 100.0, focal_mm35=50)
    with pytest.raises(UserError, match="focal_px=-1, focal_mm35=0: must be >= 0"):
        plain(image, -1.0)
    with pytest.raises(UserError, match="must be >= 0 and finite"):
        plain(image, float("nan"))


def test_at_a_given_scale_depth_grows_with_the_focal_length(trained, plain):
    """Through a lens twice as long things look twice as near."""
    same_size = load(trained, scale=1.0)
    training_px = same_size.training_focal_px
    found = same_size(sample(), focal_px=2 * training_px)
    assert_same(found, plain(sample()), factor=2)
    assert same_size.depth_range_m(2 * training_px) == pytest.approx((2, 160))


def test_without_the_focal_length_of_training_none_is_used(trained):
    run = load(trained)
    for scale in (None, 0.5):
        unknown = DepthPredictor(run.config, run._trained, scale=scale)
        for focal_px in (0.0, 500.0):
            assert unknown.view_scale(focal_px) == ViewScale(scale or 1.0, scale or 1.0)


def test_a_canonical_camera_sees_familiar_sizes(trained):
    run = load(trained)
    camera = TrainingCamera(600.0, 300.0, (200.0, 400.0))
    canonical = DepthPredictor(run.config, run._trained, camera)
    assert canonical.training_focal_px == 600.0
    assert canonical.view_scale(300.0) == ViewScale(1.0, 0.5)
    assert canonical.view_scale(1200.0) == ViewScale(0.25, 0.5)
    found = canonical(sample(0, 64, 128), focal_px=600.0)
    assert_same(found, load(trained, scale=0.5)(sample(0, 64, 128)))
    with pytest.raises(UserError, match=r"is not known: give focal_px or focal_mm35"):
        canonical.view_scale(0.0)
    sized = DepthPredictor(
        run.config, run._trained, dataclasses.replace(camera, pixels=32 * 64)
    )
    found = sized(sample(0, 64, 128), focal_px=500.0)
    expected = load(trained, scale=0.5)(sample(0, 64, 128))
    assert_same(found, expected, factor=500 / 600)
    assert found.depth_range_m == sized.depth_range_m(500.0, (64, 128))


def test_a_canonical_camera_assumes_a_focal_length_and_says_so(trained):
    run = load(trained)
    canonical = DepthPredictor(run.config, run._trained, TrainingCamera(600.0))
    image = sample(0)
    assumed_px = 26 * np.hypot(*image.shape[:2]) / np.hypot(36, 24)
    message = rf"image: unknown focal length, assumed to be {assumed_px:.0f} px \(26 mm"
    with pytest.warns(UserWarning, match=message):
        found = canonical(image)
    assert found.focal_px == 0
    assert found.camera.focal_px == pytest.approx(assumed_px)
    expected = canonical(image, focal_mm35=26)
    np.testing.assert_array_equal(found.depth_m, expected.depth_m)
    with pytest.warns(UserWarning, match=r"images\[1\]: unknown focal length"):
        [_, other] = canonical([image, image], [assumed_px, 0])
    np.testing.assert_allclose(other.depth_m, expected.depth_m, rtol=1e-5)


def test_an_image_that_would_fill_the_memory_is_not_enlarged(trained):
    message = r"64 x 32 pixels would be enlarged by a factor of 1e\+03.*smaller scale"
    with pytest.raises(UserError, match=message):
        load(trained, scale=1000.0)(sample())


def test_an_image_is_not_reduced_to_a_few_pixels(trained, plain):
    message = r"64 x 32 pixels would be reduced by a factor of 0.2, to less than 8 rows"
    with pytest.raises(UserError, match=message):
        load(trained, scale=0.2)(sample())
    assert load(trained, scale=0.25)(sample()).depth_m.shape == (32, 64)
    with pytest.raises(UserError, match=r"give a larger scale or a shorter focal"):
        plain(sample(), focal_px=1e9)


def test_focal_lengths_in_millimetres_are_refused(plain):
    message = r"focal_px=4.2: .* 165 degrees for an image 64 pixels wide; .* in pixels"
    with pytest.raises(UserError, match=message):
        plain(sample(), focal_px=4.2)
    assert plain(sample(), focal_px=30.0).depth_m.shape == (32, 64)
