import pytest

from deepdepth_jax.geometry import TrainingCamera, ViewScale

KITTI = TrainingCamera(focal_px=721.5377, range_px=(707.0912, 721.5377))


def test_an_image_of_another_camera_is_scaled_to_the_focal_length_of_training():
    assert KITTI.view_scale(2 * 721.5377) == ViewScale(0.5, 1.0)
    assert KITTI.evaluation_view_scale(2 * 721.5377) == ViewScale(0.5, 1.0)
    assert KITTI.view_scale(2 * 721.5377, scale=1) == ViewScale(1.0, 2.0)


@pytest.mark.parametrize("focal_px", [721.5377, 718.856, 707.0912, 707.0493])
def test_an_image_of_a_training_camera_is_evaluated_as_it_is(focal_px):
    """KITTI's cameras of five days; the last one is not among the training drives."""
    assert KITTI.evaluation_view_scale(focal_px) == ViewScale(1.0, 1.0)


def test_an_unknown_camera_is_taken_for_the_training_camera():
    for camera in (KITTI, TrainingCamera()):
        assert camera.evaluation_view_scale(0.0) == ViewScale(1.0, 1.0)
    assert TrainingCamera().evaluation_view_scale(532.7) == ViewScale(1.0, 1.0)


def test_a_run_that_kept_no_range_knows_the_median_alone():
    camera = TrainingCamera(focal_px=500.0)
    assert camera.evaluation_view_scale(504.0) == ViewScale(1.0, 1.0)
    assert camera.evaluation_view_scale(1000.0) == ViewScale(0.5, 1.0)


def test_through_a_canonical_lens_depth_is_scaled_and_a_familiar_image_is_not():
    camera = TrainingCamera(1000.0, 500.0, (250.0, 800.0))
    for scaled in (camera.evaluation_view_scale, camera.view_scale):
        assert scaled(500.0) == ViewScale(1.0, 0.5)
        assert scaled(250.0) == ViewScale(1.0, 0.25)
        assert scaled(808.0) == ViewScale(1.0, 0.808)
    with pytest.raises(ValueError, match="not known"):
        camera.evaluation_view_scale(0.0)


def test_a_focal_length_beyond_those_of_training_is_brought_to_their_median():
    camera = TrainingCamera(1000.0, 500.0, (250.0, 800.0))
    assert camera.view_scale(2000.0) == ViewScale(0.25, 0.5)
    assert camera.evaluation_view_scale(125.0) == ViewScale(4.0, 0.5)
    assert camera.view_scale(2000.0, scale=1) == ViewScale(1.0, 2.0)
    assert TrainingCamera(1000.0).view_scale(2000.0) == ViewScale(1.0, 2.0)


def test_images_are_said_to_be_brought_to_what_they_are_brought_to():
    assert "focal length of training, 721.5 px" in KITTI.sight
    assert "size of training, about 30720 pixels" in WIDE.sight


WIDE = TrainingCamera(200.0, 190.0, (100.0, 400.0), pixels=96 * 320)


@pytest.mark.parametrize(
    ("focal_px", "shape", "scale"),
    [
        (190.0, (96, 320, 3), 1.0),
        (760.0, (384, 1280), 0.25),
        (760.0, (1280, 384), 0.25),  # upright: as many pixels
        (380.0, (48, 160), 400 / 380),  # the longest focal length of training
        (50.0, (96, 320), 2.0),  # the shortest
        (200.0, (94, 312), 1.0),  # not worth resizing
        (1.0e4, (96, 320), 0.04),
    ],
)
def test_a_network_of_many_cameras_sees_images_at_the_size_of_training(
    focal_px, shape, scale
):
    view = WIDE.view_scale(focal_px, shape=shape)
    assert view.scale == pytest.approx(scale)
    assert view.depth_factor == pytest.approx(scale * focal_px / 200)
    assert WIDE.evaluation_view_scale(focal_px, shape) == view
    assert WIDE.view_scale(focal_px, 1.5, shape=shape).scale == 1.5
    one_camera = TrainingCamera(0.0, 190.0, (190.0, 190.0), pixels=96 * 320)
    assert one_camera.view_scale(focal_px, shape=shape).scale == 190 / focal_px
