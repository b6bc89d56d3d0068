import json
import re
from pathlib import Path

import pytest

from deepdepth_jax.config import (
    complete,
    config_from_json,
    default_config,
    differences,
    fill_from_presets,
    load_config,
    override,
)
from deepdepth_jax.config.load import flatten
from deepdepth_jax.errors import UserError
from deepdepth_jax.models.build import build_network
from deepdepth_jax.weights.adopt import adopt_pretrained

CONFIGS = sorted(Path("configs").glob("*.py"))


def runnable(*overrides):
    return complete(
        override(default_config(), ["--config.model.norm=trained", *overrides])
    )


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_loads_and_says_what_it_is(path):
    config = load_config(path)
    config.data.root = "somewhere"
    config.data.pairs.manifest = "pairs.csv"
    config.model.update(pretrained="", norm="trained")  # the weights are not here
    build_network(adopt_pretrained(complete(config)))
    docstring = path.read_text().split('"""')[1]
    adapt = r"adapt --from=\S+"
    command = rf"(python -m deepdepth_jax\.(main|{adapt})|deepdepth {adapt})"
    assert re.search(rf"{command} --config={path}", docstring)
    for word in ("Expected", "Time"):
        assert word in docstring


def test_no_figure_on_improved_maps_stands_beside_raw_lidar():
    path = Path("configs/kitti_dorn.py")
    assert load_config(path).eval.ground_truth == "improved"
    docstring = path.read_text().split('"""')[1]
    assert "no figures on raw lidar" in " ".join(docstring.split())


@pytest.mark.parametrize("name", ["kitti", "synthia"])
def test_the_papers_numbers(name):
    config = complete(
        override(
            load_config(f"configs/{name}.py"),
            ["--config.data.root=x", "--config.model.pretrained=x"],
        )
    )
    assert vars(config.bins) == {
        "preset": "paper",
        "kind": "sid",
        "num_bins": 71,
        "min_depth_m": 1.0,
        "max_depth_m": 80.0,
    }
    assert config.model.backbone == "resnet101"
    assert (config.model.output_stride, config.model.norm) == (8, "frozen")
    assert tuple(config.model.aspp_rates) == (6, 12, 18, 24)
    train = config.train
    assert (train.batch_size, tuple(train.crop)) == (3, (420, 800))
    assert (train.num_steps, train.learning_rate) == (100_000, 2.5e-4)
    assert (train.momentum, train.weight_decay, train.poly_power) == (0.9, 5e-4, 0.9)
    assert (train.head_lr_mult, train.backbone_lr_mult) == (10.0, 1.0)
    assert config.augment.max_zoom == 1.2
    assert config.augment.rotation_deg == 0
    assert (config.augment.gain_range, config.augment.flip_probability) == (0.2, 0.5)
    assert config.eval.decode == "argmax"


def test_the_best_config_trains_as_the_paper_does():
    kitti, best = (
        load_config(f"configs/{name}.py") for name in ("kitti", "kitti_best")
    )
    assert differences(kitti, best) == {"eval.decode": (None, "expectation")}


def test_overrides_keep_the_fields_type():
    config = runnable("--config.train.crop=(96,320)", "--config.bins.num_bins=40")
    assert tuple(config.train.crop) == (96, 320)
    assert config.bins.num_bins == 40


@pytest.mark.parametrize(
    ("field", "first", "last"),
    [
        ("eval.scales", "(0.5,1.0)", "(2.0,)"),
        ("model.aspp_rates", "(1,2,3)", "(4,5)"),
        ("train.crop", "(96,320)", "(64,64)"),
        ("data.kitti.cameras", "(2,3)", "3"),
        ("data.kitti.validation_drives", "('a','b')", "('c',)"),
        ("train.num_steps", "7", "8"),
        ("eval.flip", "True", "False"),
        ("bins.kind", "ud", "sid"),
    ],
)
def test_the_last_of_several_values_counts(field, first, last):
    given = [f"--config.{field}={value}" for value in (first, last)]
    once, twice = (override(default_config(), given[start:]) for start in (1, 0))
    assert differences(once, twice) == {}


def test_a_list_of_names_needs_no_quotes():
    drives = "2011_09_26_drive_0005,2011_09_28_drive_0001"
    config = override(
        default_config(), [f"--config.data.kitti.validation_drives={drives}"]
    )
    assert config.data.kitti.validation_drives == tuple(drives.split(","))


def test_a_field_that_is_given_wins_over_its_preset():
    config = runnable("--config.bins.preset=dorn_release", "--config.bins.num_bins=40")
    assert config.bins.num_bins == 40
    assert config.bins.min_depth_m == 4.664


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--config.data.rot=x", "did you mean --config.data.root?"),
        ("--config.learning_rat=1", "did you mean --config.train.learning_rate?"),
        ("--config.train.lr=1", "did you mean --config.train.learning_rate?"),
        ("--config.optim.lr=1", "did you mean --config.train.learning_rate?"),
        ("--config.train.rate=1", "did you mean --config.train.learning_rate?"),
        ("--config.train.epochs=1", "did you mean --config.train.num_steps?"),
        ("--config.eval.num_steps=1", "did you mean --config.train.num_steps?"),
        ("--config.trian.batch_size=1", "did you mean --config.train.batch_size?"),
        ("--config.model.arch=x", "did you mean --config.model.backbone?"),
        ("--config.eval.gt=x", "did you mean --config.eval.ground_truth?"),
        ("--config.zebra=1", "no such field"),
        ("--config.train=3", "no such field"),
        ("--config.train.batch_size=x", "--config.train.batch_size='x': must be"),
        ("--config.train.batch_size", "write --config.section.field=value"),
        ("--batch_size=3", "write --config.section.field=value"),
    ],
)
def test_a_wrong_override_is_one_clear_line(argument, says):
    with pytest.raises(UserError) as caught:
        override(default_config(), [argument])
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data.dataset", "nyu"),
        ("data.kitti.ground_truth", "stereo"),
        ("bins.preset", "best"),
        ("bins.num_bins", "300"),
        ("augment.preset", "wild"),
        ("model.backbone", "resnet99"),
        ("model.output_stride", "4"),
        ("model.norm", "group"),
        ("model.stride_on", "5x5"),
        ("model.input_convention", "lab"),
        ("train.crop", "(0,320)"),
        ("train.crop", "(96,-1)"),
        ("train.crop", "(96,)"),
        ("train.crop", "(96,320.5)"),
        ("train.batch_size", "0"),
        ("train.num_steps", "0"),
        ("train.learning_rate", "-1.0"),
        ("train.learning_rate", "nan"),
        ("augment.max_zoom", "0.5"),
        ("eval.split", "all"),
        ("eval.ground_truth", "stereo"),
        ("eval.crop", "kb"),
        ("eval.cap_m", "0.0"),
        ("eval.decode", "mode"),
        ("eval.best_metric", "loss"),
    ],
)
def test_a_value_that_cannot_run_is_refused_by_field(field, value):
    with pytest.raises(UserError, match=field) as caught:
        build_network(runnable(f"--config.{field}={value}"))
    assert "\n" not in str(caught.value)


def test_absrel_needs_bins_that_do_not_start_at_0():
    fields = ("bins.kind=ud", "bins.min_depth_m=0", "eval.decode=absrel")
    with pytest.raises(UserError, match=r"eval\.decode=absrel: bins\.min_depth_m"):
        runnable(*(f"--config.{field}" for field in fields))


def test_frozen_statistics_that_nothing_has_learnt_are_refused():
    with pytest.raises(UserError, match=r"model\.norm=frozen"):
        adopt_pretrained(complete(default_config()))


def test_a_data_set_on_disk_needs_its_folder():
    with pytest.raises(UserError, match=r"data\.root is empty"):
        runnable("--config.data.dataset=kitti")


IMPORT = "from deepdepth_jax.config import default_config"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        ("x = 1", "get_config"),
        ("", "get_config"),
        ("def get_config(:", "line 1: SyntaxError: invalid syntax"),
        ("\n\nimport nothing_of_this_name", "line 3: ModuleNotFoundError"),
        ("def get_config():\n    pass", "must return a ConfigDict"),
        ("def get_config():\n    return confg", "line 2: NameError"),
        (
            f"{IMPORT}\ndef get_config():\n    return default_config().train",
            "differ in",
        ),
    ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path, content, says):
    path = tmp_path / "config.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError) as caught:
        load_config(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("config.train.lr = 1", "line 4: no such field lr"),
        ("config.train.lr = 1", "did you mean train.learning_rate?"),
        ("config.train.num_steps = 'many'", "line 4: TypeError"),
        ("config.train.crop = 3", "line 4: TypeError"),
        ("config.trian.crop = (3, 3)", "line 4: AttributeError"),
    ],
)
def test_a_field_that_a_file_gets_wrong_is_one_line(tmp_path, line, says):
    path = tmp_path / "config.py"
    path.write_text(
        f"{IMPORT}\ndef get_config():\n    config = default_config()\n    {line}\n"
        "    return config\n"
    )
    with pytest.raises(UserError) as caught:
        load_config(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_config_comes_back_from_json(tmp_path):
    config = runnable("--config.train.crop=(96,320)", "--config.eval.flip=True")
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"config": config.to_dict()}))
    assert differences(complete(config_from_json(path)), config) == {}


def as_in_json(config):
    """Flattens a config, with tuples as the lists that JSON makes of them."""
    return dict(flatten(json.loads(json.dumps(config.to_dict()))))


def test_the_config_of_an_older_run_loads_as_it_was():
    path = Path(__file__).with_name("config_of_version_0.1.json")
    stored = dict(flatten(json.loads(path.read_text())["config"]))
    loaded = as_in_json(complete(config_from_json(path)))
    assert {field: loaded[field] for field in stored} == stored
    added = loaded.keys() - stored.keys()
    defaults = as_in_json(fill_from_presets(default_config()))
    assert {field: loaded[field] for field in added} == {f: defaults[f] for f in added}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\xff"])
def test_json_that_is_no_config_is_refused(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=r"config\.json"):
        load_config(path)


def test_json_of_another_version_is_refused_by_field(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"config": {"train": {"warp": 9}}}))
    with pytest.raises(UserError, match=r"train\.warp"):
        config_from_json(path)


def test_differences_name_field_and_both_values():
    left, right = runnable(), runnable("--config.train.num_steps=7")
    assert differences(left, right) == {"train.num_steps": (100_000, 7)}


@pytest.mark.parametrize("dataset", ["kitti", "synthia"])
def test_each_data_set_of_a_mixture_needs_its_folder(dataset):
    weight = f"--config.data.mixture.{dataset}=1"
    with pytest.raises(UserError, match=f"to the folder of {dataset}"):
        runnable(weight)
    runnable(weight, f"--config.data.{dataset}.root=somewhere")
    runnable(weight, "--config.data.root=somewhere")


def test_pseudo_labels_need_a_manifest():
    with pytest.raises(UserError, match=r"--config\.data\.pseudo\.manifest=FILE"):
        runnable("--config.data.mixture.pseudo=1")


@pytest.mark.parametrize("field", ["silog_weight", "mrkld"])
@pytest.mark.parametrize("head", ["ordinal", "regression"])
def test_terms_of_distributions_are_refused_for_other_heads(field, head):
    with pytest.raises(UserError, match=rf"train\.{field}=0\.1: must be 0 with"):
        runnable(f"--config.train.{field}=0.1", f"--config.model.head={head}")


@pytest.mark.parametrize("other", ["train.silog_weight=1", "model.head=regression"])
def test_far_depth_is_no_last_bin_without_bins(other):
    with pytest.raises(UserError, match=r"train\.beyond=last_bin: must be ignore with"):
        runnable("--config.train.beyond=last_bin", f"--config.{other}")


@pytest.mark.parametrize(
    "fields",
    [
        ["train.pseudo_label_std=(0.1,0.2)"],
        ["model.head=ordinal", f"train.pseudo_label_std={(0.1,) * 71}"],
    ],
)
def test_soft_pseudo_labels_need_a_width_for_each_bin_of_classification(fields):
    with pytest.raises(UserError, match=r"train\.pseudo_label_std: must have"):
        runnable(*(f"--config.{field}" for field in fields))
    found = runnable(f"--config.train.pseudo_label_std={(0.1,) * 71}")
    assert found.train.pseudo_label_std == (0.1,) * 71


def test_soft_labels_to_adapt_by_need_classification():
    with pytest.raises(UserError, match=r"adapt\.label=soft: must be argmax, median"):
        runnable("--config.adapt.label=soft", "--config.model.head=ordinal")


def test_mined_bins_are_bins():
    with pytest.raises(UserError, match=r"mined_bins=\(3, 71\): must be < bins"):
        runnable("--config.augment.mined_bins=(3,71)")
    assert runnable("--config.augment.mined_bins=()").augment.mined_bins == ()


def test_own_pairs_need_a_manifest():
    with pytest.raises(UserError, match=r"--config\.data\.pairs\.manifest=FILE"):
        runnable("--config.data.dataset=pairs")
