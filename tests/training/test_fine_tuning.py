"""Training from a trained depth network: a run, one of its checkpoints, or a file."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_runs import PREPARED, arguments

from deepdepth_jax import DepthPredictor
from deepdepth_jax.check_data import report
from deepdepth_jax.check_data.__main__ import main as check_data
from deepdepth_jax.config import (
    complete,
    default_config,
    inherit,
    override,
    with_fields,
)
from deepdepth_jax.convert import main as convert
from deepdepth_jax.datasets.streets.streets_source import StreetsSource
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.predictions import SeenExample
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.network_file import read_network, write_network
from deepdepth_jax.inference.saved_network import load_run
from deepdepth_jax.main import main
from deepdepth_jax.runtime.workdir import stored_config
from deepdepth_jax.training.first_state import build_first_state
from deepdepth_jax.training.seen_images import ImageScale
from deepdepth_jax.weights.adopt import (
    adopt_pretrained,
    inherit_pretrained,
    pretrained_digest,
)


@pytest.fixture(scope="module")
def run(trained):
    return trained / "run"


@pytest.fixture(scope="module")
def file(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "depth.safetensors"
    convert([f"--input={run}", f"--output={path}"])
    return path


def config(pretrained, *options):
    fields = [
        f"--config.{option}" for option in (f"model.pretrained={pretrained}", *options)
    ]
    return adopt_pretrained(
        complete(inherit_pretrained(override(default_config(), fields)))
    )


def assert_same(ours, theirs):
    jax.tree.map(np.testing.assert_array_equal, dict(ours), dict(theirs))


def differs(ours, theirs):
    pairs = zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    return any((a.shape != b.shape) or (a != b).any() for a, b in pairs)


def test_a_run_its_checkpoint_and_its_file_start_the_same_training(run, file, capsys):
    network = load_run(run)
    checkpoint = run / "checkpoints" / str(network.step)
    for pretrained in (run, checkpoint, file):
        state = build_first_state(config(pretrained, "seed=7"))
        assert_same(state.learned, network.trained.variables)
        assert int(state.step) == 0
        assert "took backbone and head of" in capsys.readouterr().out
    expected = stored_config(run)
    for pretrained in (run, file):
        found = config(pretrained)
        assert found.bins == expected.bins
        for name in ("backbone", "width", "output_stride", "stride_on", "aspp_rates"):
            assert getattr(found.model, name) == getattr(expected.model, name)
        assert found.model.norm == expected.model.norm == "trained"
        assert found.eval.decode == expected.eval.decode == "expectation"
    many = with_fields(expected, {"eval.flip": True, "eval.scales": (1.0, 1.3)})
    inherited = inherit(default_config(), many).eval
    assert (inherited.flip, inherited.scales) == (True, (1.0, 1.3))
    own = config(run, "model.norm=frozen", "eval.decode=median")
    assert (own.model.norm, own.eval.decode) == ("frozen", "median")


def test_a_file_with_frozen_statistics_is_read_and_trained_further(run, tmp_path):
    network, path = load_run(run), tmp_path / "frozen.safetensors"
    frozen = with_fields(network.config, {"model.norm": "frozen"})
    write_network(path, dataclasses.replace(network, config=frozen))
    assert read_network(path).config.model == frozen.model
    assert config(path).model.norm == "frozen"
    assert_same(build_first_state(config(path)).learned, network.trained.variables)


def test_another_checkpoint_is_another_start(run):
    steps = sorted(int(path.name) for path in (run / "checkpoints").iterdir())
    states = [build_first_state(config(run / "checkpoints" / str(x))) for x in steps]
    assert len(steps) > 1
    assert differs(states[0].params, states[1].params)
    digests = {pretrained_digest(config(run / "checkpoints" / str(x))) for x in steps}
    assert len(digests) == len(steps)


@pytest.mark.parametrize(
    "option",
    [
        "bins.num_bins=9",
        "bins.kind=ud",
        "bins.max_depth_m=40.0",
        "bins.preset=pytorch_dorn",
        "model.head=ordinal",
        "model.head=regression",
        "model.aspp_rates=(1,2,3,4)",
        "model.aspp_rates=(1,2)",
        "model.decoder_width=4",
    ],
)
def test_a_head_of_another_meaning_starts_anew(run, option, capsys):
    state = build_first_state(config(run, option))
    trained = load_run(run).trained.variables
    assert_same(state.params["backbone"], trained["params"]["backbone"])
    stats = state.batch_stats["backbone"]
    assert_same(stats, trained["batch_stats"]["backbone"])
    ours, theirs = (
        x["aspp"]["branch0"]["kernel"] for x in (state.params, trained["params"])
    )
    assert differs(ours, theirs)
    out = capsys.readouterr().out
    assert "the head starts anew, as " in out
    field = option.partition("=")[0]
    assert (field if field != "bins.preset" else "bins.num_bins") in out


def test_the_other_bins_are_those_of_the_network(run):
    assert vars(config(run, "bins.num_bins=9").bins) | {"num_bins": 12} == vars(
        config(run).bins
    )
    assert config(run, "bins.preset=dorn_release").bins.num_bins == 71


def test_the_camera_comes_along(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    stored = json.loads(path.read_text())
    stored["config"]["data"]["canonical_focal_px"] = 500.0
    path.write_text(json.dumps(stored))
    assert config(tmp_path / "run").data.canonical_focal_px == 500
    own = "data.canonical_focal_px=600.0"
    with pytest.raises(UserError, match=r"data\.canonical_focal_px=600\.0, but the we"):
        config(tmp_path / "run", own)
    free = config(tmp_path / "run", own, "model.pretrained_override=True")
    assert free.data.canonical_focal_px == 600


@pytest.mark.parametrize(
    "option",
    [
        "model.width=8",
        "model.backbone=resnet18",
        "model.stride_on=3x3",
        "model.input_convention=caffe_bgr",
    ],
)
def test_a_config_that_says_otherwise_is_refused(run, file, option):
    for pretrained in (run, file):
        field = option.partition("=")[0]
        with pytest.raises(
            UserError, match=rf"{field}=.*, but the weights of"
        ) as error:
            config(pretrained, option)
        assert "\n" not in str(error.value)


def test_averaged_weights_are_taken(tmp_path):
    options = {"train__ema": 0.9, "eval__every": 0, "data__streets__test_scenes": 0}
    main(arguments(tmp_path, **options))
    network = load_run(tmp_path / "run")
    state = build_first_state(config(tmp_path / "run"))
    assert_same(state.learned, network.trained.variables)


@pytest.fixture(scope="module")
def tuned(trained, tmp_path_factory):
    """A run tuned on images of twice the size, with its command. Its source is gone."""
    folder = tmp_path_factory.mktemp("tuned")
    shutil.copytree(trained / "run", folder / "source")
    argv = [
        "--config=configs/pairs.py",
        f"--workdir={folder / 'run'}",
        f"--config.model.pretrained={folder / 'source'}",
        "--config.data.dataset=streets",
        f"--config.data.prepared_dir={PREPARED}",
        "--config.data.streets.train_scenes=6",
        "--config.data.streets.val_scenes=2",
        "--config.data.streets.test_scenes=3",
        "--config.data.streets.height=64",
        "--config.data.streets.width=128",
        "--config.train.batch_size=4",
        "--config.train.num_steps=2",
        "--config.train.checkpoint_every=1",
        "--config.train.learning_rate=0.1",
        "--config.train.freeze_at=5",
        "--config.model.norm=frozen",
        "--config.eval.every=2",
        "--config.eval.figures=0",
    ]
    main(argv)
    shutil.rmtree(folder / "source")
    return folder, argv


def test_frozen_stages_stay_as_they_were(trained, tuned):
    found = load_run(tuned[0] / "run").trained.variables
    expected = load_run(trained / "run").trained.variables
    assert_same(found["params"]["backbone"], expected["params"]["backbone"])
    assert_same(found["batch_stats"], expected["batch_stats"])
    assert differs(found["params"]["aspp"], expected["params"]["aspp"])


def test_without_its_source_it_is_evaluated_and_resumed(tuned, tmp_path, capsys):
    folder, argv = tuned
    shutil.copytree(folder / "run", tmp_path / "run")
    argv = [*argv, f"--workdir={tmp_path / 'run'}"]
    main([*argv, "--mode=evaluate"])
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "2")
    main(argv)
    out = capsys.readouterr().out
    assert "resuming from step 1 of 2" in out
    assert "128 x 64 pixels as 64 x 32" in out
    same = [json.loads((x / "run/eval.json").read_text()) for x in (folder, tmp_path)]
    assert same[0] == same[1]


def test_training_evaluation_and_prediction_see_one_size(trained, tuned):
    """Of images of twice the size, whose focal length is twice as long."""
    run = tuned[0] / "run"
    network, source = load_run(run), load_run(trained / "run")
    assert network.config.train.resize == "pretrained"
    assert network.config.train.crop == (32, 48)
    assert network.camera == source.camera
    [example] = [StreetsSource("test", 1, 64, 128, seed=0).read(0)]
    scale = ImageScale.of(network.config, run)  # the source is gone
    image, depth_m = scale.see(example)
    assert image.shape == (32, 64, 3)
    assert set(np.unique(depth_m)) <= set(np.unique(example.depth_m))
    evaluated = SeenExample.of(example, network.camera)
    np.testing.assert_array_equal(image, evaluated.image)
    predictor = DepthPredictor.of(network)
    assert predictor.seen_size(example.image.shape, example.focal_px) == (32, 64)


def test_images_may_stay_as_they_are(run, tmp_path):
    asked = config(run, "train.resize=none")
    assert ImageScale.of(asked, tmp_path) == ImageScale(TrainingCamera())
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "camera.json").unlink()  # as in older runs
    assert config(tmp_path / "run").train.resize == "none"
    with pytest.raises(UserError, match=r"resize=pretrained: must be unset"):
        config(tmp_path / "run", "train.resize=pretrained")


def test_images_without_a_focal_length_cannot_be_brought_to_a_camera():
    class Unknown(StreetsSource):
        without_focal_length = ("a.png", "b.png")

    source = Unknown("train", 2, 32, 64, seed=0)
    with pytest.raises(
        UserError, match=r"2 of streets train have none, such as a\.png"
    ):
        ImageScale(TrainingCamera(focal_px=100.0)).check([source])
    ImageScale(TrainingCamera()).check([source])


def test_other_weights_under_the_name_are_another_run(trained, tuned, tmp_path):
    folder, argv = tuned
    shutil.copytree(folder / "run", tmp_path / "run")
    shutil.copytree(trained / "run", tmp_path / "source")
    other = next(
        path
        for path in (tmp_path / "source" / "checkpoints").iterdir()
        if int(path.name) != load_run(trained / "run").step
    )
    own = [f"--workdir={tmp_path / 'run'}"]
    with pytest.raises(UserError, match=r"model\.pretrained"):
        main([*argv, *own, f"--config.model.pretrained={other}"])
    # Moved, it is the same.
    main([*argv, *own, f"--config.model.pretrained={tmp_path / 'source'}"])


def test_check_data_counts_in_the_bins_of_the_network(run, tmp_path, monkeypatch):
    counted = []
    monkeypatch.setattr(
        report,
        "draw_depth",
        lambda _, found: counted.extend(len(x.statistics.per_bin) for x in found),
    )
    argv = [
        "--config=configs/pairs.py",
        f"--config.data.prepared_dir={tmp_path}",
        "--config.data.dataset=streets",
        "--config.data.streets.height=32",
        "--config.data.streets.width=64",
        "--config.data.streets.train_scenes=1",
        "--config.data.streets.val_scenes=1",
        "--config.data.streets.test_scenes=1",
        f"--output={tmp_path}",
    ]
    check_data([*argv, f"--config.model.pretrained={run}"])
    assert counted == [12, 12, 12]
    with pytest.raises(UserError, match="holds no run"):
        check_data([*argv, f"--config.model.pretrained={tmp_path}"])


def cut(run, file, folder):
    (folder / "x.safetensors").write_bytes(file.read_bytes()[:-1])
    return folder / "x.safetensors"


def changed(run, file, folder):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    (folder / "x.safetensors").write_bytes(content)
    return folder / "x.safetensors"


def of_another_project(run, file, folder):
    save_file({"encoder.weight": np.ones(3, np.float32)}, folder / "x.safetensors")
    return folder / "x.safetensors"


def not_trained_yet(run, file, folder):
    (folder / "run").mkdir()
    shutil.copy(run / "config.json", folder / "run")
    return folder / "run"


def empty(run, file, folder):
    return folder


def without_the_step(run, file, folder):
    return run / "checkpoints" / "77"


def damaged(run, file, folder):
    shutil.copytree(run, folder / "run")
    for checkpoint in (folder / "run" / "checkpoints").iterdir():
        (checkpoint / "checksums.json").unlink()
    return folder / "run"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (cut, "no safetensors file, or a cut one"),
        (changed, "was modified: its digest differs"),
        (of_another_project, "not converted yet"),
        (not_trained_yet, "no checkpoint here: train first"),
        (empty, "holds no run"),
        (without_the_step, "neither a file or a run nor a public checkpoint"),
        (damaged, "a damaged checkpoint"),
    ],
)
def test_bad_sources_are_one_line_and_leave_nothing(run, file, tmp_path, make, message):
    source = tmp_path / "source"
    source.mkdir()
    options = dict(model__pretrained=make(run, file, source))
    with pytest.raises(UserError, match=message) as error:
        main(arguments(tmp_path, **options))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()
