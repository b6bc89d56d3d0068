"""Several processes label as one does, to the last bit."""

import shutil

from process_harness import python_lines, run
from test_target import make_plan, prepare
from tiny_adaptations import adapt_arguments, on_pairs

from deepdepth_jax.adapt.labelling import label_target
from deepdepth_jax.adapt.round_files import Round
from deepdepth_jax.adapt.row_prior import find_row_prior

LABEL = """
from pathlib import Path
from deepdepth_jax.adapt.labelling import label_target
from deepdepth_jax.adapt.plan import Plan
from deepdepth_jax.adapt.round_files import Round
from deepdepth_jax.adapt.row_prior import find_row_prior
from deepdepth_jax.adapt.target import read_target
from deepdepth_jax.config import load_config, override

plan = Plan.of(override(load_config("configs/streets.py"), {fields}), Path("{start}"))
workdir = Path("{workdir}")
images, each = read_target(workdir), Round(1, workdir / "round_1")
prior = find_row_prior(plan, workdir)
label_target(plan, each, plan.network.trained, images, prior)
"""


def test_two_processes_label_as_one_of_as_many_devices(trained, target, tmp_path):
    """Each device takes as many images at once either way."""
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    options = on_pairs(target, adapt__label="soft", adapt__row_prior=True)
    plan = make_plan(trained, alone, **options)
    images = prepare(plan, alone)
    shutil.copytree(alone, shared)
    prior, each = find_row_prior(plan, alone), Round(1, alone / "round_1")
    label_target(plan, each, plan.network.trained, images, prior)
    _, _, _, *fields = adapt_arguments(trained, shared, **options)
    does = LABEL.format(fields=fields, start=trained / "run", workdir=shared)
    does = python_lines(tmp_path, does)
    command = "launch/local.sh", 2, "c"
    code, group = run(tmp_path / "said", *command, does=does, devices=4)
    assert code == 0, group.err
    names = sorted(
        str(path.relative_to(alone)) for path in alone.rglob("*") if path.is_file()
    )
    assert len([name for name in names if "labels/" in name]) > 2
    for name in names:
        assert (shared / name).read_bytes() == (alone / name).read_bytes(), name
    assert (
        sorted(
            str(path.relative_to(shared))
            for path in shared.rglob("*")
            if path.is_file()
        )
        == names
    )
