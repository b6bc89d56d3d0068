"""The images to adapt to: a folder of anything, or a data set without its depth."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image
from tiny_adaptations import TRAIN, adapt_arguments, on_pairs

from deepdepth_jax.adapt import plan as plans
from deepdepth_jax.adapt.__main__ import main
from deepdepth_jax.adapt.labelling import label_target
from deepdepth_jax.adapt.plan import Plan
from deepdepth_jax.adapt.round_files import Round
from deepdepth_jax.adapt.row_prior import find_row_prior
from deepdepth_jax.adapt.scoring import Labeller
from deepdepth_jax.adapt.target import (
    list_images,
    prepare_target,
    read_target,
)
from deepdepth_jax.config import load_config, override, with_fields
from deepdepth_jax.datasets.images import read_image
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference import layout
from deepdepth_jax.inference.runner import Runner
from deepdepth_jax.runtime.workdir import stored_config


def make_plan(trained, workdir, **overrides):
    _, config, _, *fields = adapt_arguments(trained, workdir, **overrides)
    asked = override(load_config(config.partition("=")[2]), fields)
    return Plan.of(asked, trained / "run")


def prepare(plan, workdir):
    files = list_images(plan.config, workdir)
    prepare_target(files, plan.config, plan.network.camera, workdir)
    return read_target(workdir)


def save(path, height=32, width=64, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
    image.convert(options.pop("mode", "RGB")).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Images of many sizes and formats, some of them broken, and other files."""
    folder = tmp_path / "photos"
    save(folder / "a.png")
    save(folder / "deep/b.png", 40, 48)
    save(folder / "grey.png", mode="L")
    save(folder / "c.webp", 50, 70)
    save(folder / "dot.png", 1, 1)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    whole = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("text")
    return folder


def test_a_folder_of_anything_is_labelled(trained, folder, tmp_path, capsys):
    workdir = tmp_path / "w"
    plan = make_plan(trained, workdir, adapt__images=folder)
    images = prepare(plan, workdir)
    assert [each.name for each in images] == [
        "a.png",
        "c.webp",
        "deep/b.png",
        "dot.png",
        "grey.png",
    ]
    printed = capsys.readouterr().out.splitlines()
    for name in ("broken.jpg", "cut.png", "empty.png"):
        begin = f"left out: {folder / name}: "
        assert sum(line.startswith(begin) for line in printed) == 1
    assert printed[-1].startswith("target: 5 of 8 images, 2 of them copied")
    assert images[0].image == folder / "a.png"
    copies = [each for each in images if each.image.is_relative_to(workdir)]
    assert [each.name for each in copies] == ["c.webp", "grey.png"]
    each = Round(1, workdir / "round_1")
    moved = (folder / "a.png").rename(folder / "moved")
    with pytest.raises(UserError, match=r"a\.png") as raised:
        label_target(plan, each, plan.network.trained, images)
    assert "\n" not in str(raised.value)
    moved.rename(folder / "a.png")
    label_target(plan, each, plan.network.trained, images)
    for line in map(json.loads, each.manifest.read_text().splitlines()):
        with (
            Image.open(each.folder / line["depth"]) as labels,
            Image.open(line["image"]) as image,
        ):
            assert labels.size == image.size
    assert np.load(each.histogram).sum() == sum(
        np.prod(read_image(x.image).shape[:2]) for x in images
    )


def test_images_of_another_focal_length_are_brought_to_the_networks(
    trained, folder, tmp_path
):
    workdir = tmp_path / "w"
    theirs_px = make_plan(
        trained, workdir, adapt__images=folder
    ).network.camera.focal_px
    options = {"adapt__images": folder, "adapt__focal_px": 2 * theirs_px}
    images = prepare(make_plan(trained, workdir, **options), workdir)
    # One pixel cannot be halved.
    halved = [each for each in images if each.name != "dot.png"]
    assert {each.focal_px for each in halved} == {theirs_px}
    assert read_image(images[0].image).shape == (16, 32, 3)


def test_one_image_is_enough_also_with_soft_labels_and_a_row_prior(trained, tmp_path):
    save(tmp_path / "photos/a.png")
    options = {"adapt__label": "soft", "adapt__row_prior": True, "adapt__rounds": 1}
    workdir = tmp_path / "w"
    main(
        adapt_arguments(trained, workdir, adapt__images=tmp_path / "photos", **options)
    )
    each = Round(1, workdir / "round_1")
    assert len(each.manifest.read_text().splitlines()) == 1
    stds = stored_config(each.run).train.pseudo_label_std
    assert stds == tuple(each.numbers()["label_std"])
    assert max(stds) > 0.001
    assert np.load(workdir / "row_prior.npy").shape == (32, 12)
    assert (workdir / "rounds.md").read_text().count("\n| 1 | 1 |") == 1


def test_large_images_are_labelled_in_small_batches(
    trained, target, tmp_path, monkeypatch
):
    plan = make_plan(trained, tmp_path, **on_pairs(target, adapt__row_prior=True))
    images, prior = prepare(plan, tmp_path), find_row_prior(plan, tmp_path)

    def labels():
        labeller = Labeller(plan.config, plan.network.trained, prior)
        return [found.label for _, _, found in labeller(images, "label")]

    def run(self, trained, *arrays):
        assert len(arrays[0]) <= jax.local_device_count()
        return call(self, trained, *arrays)

    expected, call = labels(), Runner.__call__
    assert plan.config.eval.batch_size == 2
    monkeypatch.setattr(layout, "LARGEST_WHOLE_PX", 32 * 64)
    monkeypatch.setattr(Runner, "__call__", run)
    found = labels()
    assert len(found) == TRAIN > jax.local_device_count()
    np.testing.assert_array_equal(found, expected)


def test_where_no_pixel_is_selected_that_is_said_and_the_counts_stay(
    trained, target, tmp_path
):
    plan = make_plan(trained, tmp_path, **on_pairs(target, adapt__portion=1e-6))
    each = Round(1, tmp_path / "round_1")
    with pytest.raises(UserError, match=f"no pixel of the {TRAIN} images was selected"):
        label_target(plan, each, plan.network.trained, prepare(plan, tmp_path))
    assert each.histogram.exists()
    assert each.thresholds.exists()
    assert not each.manifest.exists()
    counts = np.load(each.histogram)
    counts[:-1] = 0
    np.save(each.histogram, counts)
    with pytest.raises(UserError, match="labels all as the last bin"):
        label_target(plan, each, plan.network.trained, read_target(tmp_path))


def labelled(trained, target, workdir, **options):
    """The plan and the first round of a labelled target."""
    plan = make_plan(trained, workdir, **on_pairs(target, **options))
    each = Round(1, workdir / "round_1")
    prior = find_row_prior(plan, workdir)
    label_target(plan, each, plan.network.trained, prepare(plan, workdir), prior)
    return plan, each


OTHERWISE = {
    "median": {"adapt__label": "median"},
    "reweighted": {"adapt__label": "reweighted"},
    "global": {"adapt__policy": "global"},
    "prior": {"adapt__row_prior": True},
}


def test_the_options_of_labels_label_otherwise(trained, target, tmp_path):
    _, plain = labelled(trained, target, tmp_path / "argmax")
    for name, options in OTHERWISE.items():
        _, each = labelled(trained, target, tmp_path / name, **options)
        selected = each.numbers()["selected"]
        assert selected != plain.numbers()["selected"]
        assert selected[-1] == 0


def test_soft_labels_are_hard_label_maps_and_widths_to_train_with(
    trained, target, tmp_path
):
    plan, hard = labelled(trained, target, tmp_path / "hard")
    assert plan.round_config(hard, "network").train.pseudo_label_std == ()
    widths = []
    for lrent in (0.25, 1.0):
        options = {"adapt__label": "soft", "adapt__lrent": lrent}
        plan, soft = labelled(trained, target, tmp_path / f"soft{lrent}", **options)
        for path in (hard.folder / "labels").iterdir():
            assert (soft.folder / "labels" / path.name).read_bytes() == (
                path.read_bytes()
            )
        stds = soft.numbers()["label_std"]
        assert plan.round_config(soft, "network").train.pseudo_label_std == tuple(stds)
        has_labels = np.array(soft.numbers()["selected"]) > 0
        widths.append(np.array(stds))
        assert (widths[-1][has_labels] > 0.001).all()
        assert (widths[-1][~has_labels] == 0.001).all()
    assert (widths[0] <= widths[1]).all()  # powers sharpen


REFUSED = [
    ({"adapt__images": "nowhere"}, r"adapt\.images=nowhere: is not a folder"),
    ({"data__dataset": "streets"}, r"data\.dataset=streets: is the target"),
    (
        {
            "adapt__images": ".",
            "data__mixture__pseudo": 1,
            "data__pseudo__manifest": "x",
        },
        r"data\.mixture\.pseudo: must be 0",
    ),
    (
        {"adapt__images": ".", "train__pseudo_label_std": (0.1,) * 12},
        r"train\.pseudo_label_std=.*: must be left out.*; set adapt\.label=soft",
    ),
    (
        {"adapt__images": ".", "augment__mined_bins": (3,)},
        r"augment\.mined_bins=\(3,\): must be left out.*; set adapt\.rare_bins",
    ),
    (
        {"adapt__images": ".", "augment__mining_probability": 0.5},
        r"augment\.mining_probability=0\.5: .*; set adapt\.mining_probability",
    ),
    (
        {"adapt__images": ".", "data__pseudo__manifest": "x"},
        r"data\.pseudo\.manifest='x': must be left out",
    ),
    (
        {"adapt__images": ".", "model__pretrained": "anywhere"},
        r"model\.pretrained='anywhere': must be left out.*; --from names the network",
    ),
    ({"bins__num_bins": 9}, r"bins\.num_bins=9: must be 12, as in the network"),
    (
        {"adapt__portion_max": 0.1},
        r"adapt\.portion_max=0\.1: must be >= adapt",
    ),
    ({"adapt__window_bins": 4}, r"adapt\.window_bins=4: must be an odd number"),
    (
        {"adapt__focal_px": 700, "adapt__focal_mm35": 26},
        r"adapt\.focal_px=700\.0: must be 0 with adapt\.focal_mm35",
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[x[1] for x in REFUSED])
def test_what_cannot_be_is_one_line_and_leaves_no_folder(
    trained, tmp_path, options, message
):
    workdir = tmp_path / "w"
    with pytest.raises(UserError, match=message) as raised:
        main(adapt_arguments(trained, workdir, **options))
    assert "\n" not in str(raised.value)
    assert not workdir.exists()


def test_a_folder_without_images_is_refused(trained, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/notes.txt").write_text("text")
    argv = adapt_arguments(trained, tmp_path / "w", adapt__images=tmp_path / "photos")
    with pytest.raises(UserError, match="the folder has no images"):
        main(argv)
    (tmp_path / "photos/a.png").write_bytes(b"broken")
    with pytest.raises(UserError, match="none of the 1 images can be used"):
        main(argv)


def test_a_head_without_distribution_is_refused(trained, tmp_path, monkeypatch):
    def regressing(start):
        network = load(start)
        config = with_fields(
            network.config, {"model.head": "regression", "train.loss": "silog"}
        )
        return dataclasses.replace(network, config=config)

    load = plans.load_network
    monkeypatch.setattr(plans, "load_network", regressing)
    with pytest.raises(UserError, match="predicts no distribution over bins"):
        make_plan(trained, tmp_path)
