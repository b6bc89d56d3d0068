"""Any value of any field either can run or is refused by name, before anything."""

import json

import pytest

from deepdepth_jax.config import (
    FIELDS,
    complete,
    config_from_json,
    default_config,
    override,
)
from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main
from deepdepth_jax.models.build import build_network
from deepdepth_jax.training.build import build_optimizer
from deepdepth_jax.training.objective import make_loss
from deepdepth_jax.weights.adopt import adopt_pretrained

TEXTS = (
    "",
    " ",
    "-1",
    "0",
    "1",
    "2",
    "17",
    "0.5",
    "-0.0",
    "1e-320",
    "1e23",
    "9" * 30,
    "9" * 5000,
    "1e400",
    "nan",
    "inf",
    "-inf",
    "0x10",
    "None",
    "True",
    "no",
    "abc",
    "()",
    "(0,)",
    "(1,2)",
    "(2,1)",
    "(1,nan)",
    "(-1,0.5)",
    "('a',2)",
    "((1,2),3)",
    "[64,64]",
    "(1e23,1e23)",
    "{1:2}",
    "__import__('os')",
    "(" * 200,
    "a\nb",
    "\0",
    "\udcff",
    "\u2028é" * 20,
)
ENDLESS = {"nan", "inf", "-inf", "1e23", "1e400", "9" * 30, "9" * 5000}
"""Those that no number of the config may be."""
STORED = (
    None,
    True,
    -1,
    0,
    1,
    10**23,
    -(10**400),
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "abc",
    "a\0b",
    [],
    [0],
    [1, 2],
    [True, None],
    ["a", "b"],
    [[1, 2], [3]],
    [1] * 1000,
    {},
    {"a": 1},
)
RUNNABLE = {"model.norm": "trained", "model.backbone": "tiny"}


BUILT = set()


def of_a_run(name, value):
    """Returns the arguments of a run that has a value of a field, given last."""
    fields = RUNNABLE | {name: value}
    return [f"--config.{field}={text}" for field, text in fields.items()]


def check_refusal(error, name):
    said = str(error)
    assert len(said.splitlines()) == 1
    assert len(said) < 500
    section = name.partition(".")[0]
    assert f"{section}." in said or f"{name}=" in said


def check_it_can_run(config):
    """Builds all that needs no data and no weights."""
    config = adopt_pretrained(config)
    json.dumps(config.to_dict())
    if (config.bins, config.model, config.train) not in BUILT:
        network = build_network(config)
        build_optimizer(config)
        make_loss(config.model.head, network.head, config.train)
        BUILT.add((config.bins, config.model, config.train))


@pytest.mark.parametrize("name", FIELDS)
def test_of_a_command_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config.py"
    file.write_text(
        "from deepdepth_jax.config import default_config\n"
        "def get_config():\n"
        "    return default_config()\n"
    )
    config, refused = default_config(), {}
    for text in TEXTS:
        try:
            check_it_can_run(complete(override(config, of_a_run(name, text))))
        except UserError as refusal:
            check_refusal(refusal, name)
            refused[text] = str(refusal)
    if FIELDS[name].bounds is not None:
        assert refused.keys() >= ENDLESS
    for text in list(refused)[-2:]:
        with pytest.raises(UserError) as said_by_main:
            main([f"--config={file}", *of_a_run(name, text)])
        assert str(said_by_main.value) == refused[text]
    kept_by_python = tmp_path / "__pycache__"  # unless its user forbids that
    assert set(tmp_path.iterdir()) <= {file, kept_by_python}


@pytest.mark.parametrize("name", FIELDS)
def test_of_a_file_that_a_run_has_written(name, tmp_path):
    path = tmp_path / "config.json"
    stored = complete(override(default_config(), of_a_run("seed", 0))).to_dict()
    for value in STORED:
        *sections, leaf = name.split(".")
        within = stored
        for section in sections:
            within = within[section]
        within[leaf] = value
        path.write_text(json.dumps({"config": stored}))
        try:
            check_it_can_run(complete(config_from_json(path)))
        except UserError as refusal:
            check_refusal(refusal, name)
