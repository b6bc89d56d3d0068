"""The study's command, with a stand-in for what trains; and one real cell."""

import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image
from tiny_runs import OVERRIDES

from benchmarks.study import running
from benchmarks.study.__main__ import main
from benchmarks.study.grid import OWN, Study, Variant, lay_out, load_study
from benchmarks.study.intervals import interval, paired_differences
from benchmarks.study.running import (
    Processes,
    core_shares,
    environment,
    go_on,
    run_all,
)
from benchmarks.study.table import Row, markdown
from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main as train_and_evaluate
from deepdepth_jax.runtime.cli import START_AGAIN

STUDY = """
from benchmarks.study.grid import Study, Variant

def get_study():
    return Study(
        reference="paper",
        seeds=(0, 1),
        fields={"eval.figures": 0},
        variants={
            "paper": Variant(readings={"argmax": {"eval.decode": "argmax"}}),
            "ud": Variant({"bins.kind": "ud"}),
        },
    )
"""
ALL = {
    ("paper_seed0", "expectation"),
    ("paper_seed0", "argmax"),
    ("ud_seed0", "expectation"),
    ("paper_seed1", "expectation"),
    ("paper_seed1", "argmax"),
    ("ud_seed1", "expectation"),
}


class StandIn:
    """Writes an eval.json in place of training and evaluating.

    Of what it was asked to do it keeps the run's name and how depth is decoded.
    """

    def __init__(self):
        self.asked = []
        self.prepared = 0
        self.fails = {}

    def __call__(self, arguments, log):
        options = dict(argument.split("=", 1) for argument in arguments)
        workdir = Path(options["--workdir"])
        if options.get("--mode") == "prepare":
            self.prepared += 1
            return 0
        decode = options.get("--config.eval.decode", "expectation")
        self.asked.append((workdir.name, decode))
        workdir.mkdir(parents=True, exist_ok=True)
        if (workdir.name, decode) in self.fails:
            log.write_text("begins\nstep 1\rerror: too hot\n")
            return 2
        seed = int(options["--config.seed"])
        abs_rel = 0.2 + 0.01 * seed + 0.1 * (options.get("--config.bins.kind") == "ud")
        metrics = {"abs_rel": abs_rel + 0.05 * (decode == "argmax"), "rmse": 6.0}
        (workdir / "eval.json").write_text(json.dumps({"metrics": metrics}))
        return 0


@pytest.fixture
def stand_in(monkeypatch):
    stand_in = StandIn()
    monkeypatch.setattr(
        Processes, "execute", lambda _, arguments, log: stand_in(arguments, log)
    )
    return stand_in


@pytest.fixture
def command(tmp_path):
    """Gives the command's arguments."""
    (tmp_path / "study.py").write_text(STUDY)
    return [f"--config={tmp_path / 'study.py'}", f"--workdir={tmp_path / 'run'}"]


@pytest.mark.parametrize(
    ("values", "mean", "half_width"),
    [
        # t(2) = 4.302653, s = 1: 4.302653 / sqrt(3)
        ([1.0, 2.0, 3.0], 2.0, 2.484138),
        # t(4) = 2.776445, s = sqrt(2.5): 2.776445 * sqrt(0.5)
        ([1.0, 2.0, 3.0, 4.0, 5.0], 3.0, 1.963243),
        # t(1) = 12.706205, s = sqrt(0.5): 12.706205 / 2
        ([0.0, 1.0], 0.5, 6.353102),
        ([0.3, 0.3, 0.3], 0.3, 0.0),
    ],
)
def test_an_interval_is_students(values, mean, half_width):
    found = interval(values)
    assert found.mean == pytest.approx(mean)
    assert found.half_width == pytest.approx(half_width, rel=1e-6, abs=1e-12)


def test_one_value_has_no_interval_and_none_no_mean():
    assert interval([0.5]).half_width is None
    assert not interval([0.5]).excludes_zero
    assert interval([]) is None


def test_an_interval_excludes_zero_or_not():
    assert interval([-1.0, -2.0, -3.0, -2.0]).excludes_zero
    assert not interval([1.0, 2.0, 3.0]).excludes_zero


def test_differences_are_between_equal_seeds():
    ours, reference = {2: 0.5, 0: 0.25, 3: 9.0}, {0: 0.5, 1: 7.0, 2: 1.0}
    assert paired_differences(ours, reference) == {2: -0.5, 0: -0.25}


def test_every_cell_is_run_once_and_told(stand_in, command, tmp_path, capsys):
    assert main([*command, "--jobs=2"]) == 0
    assert sorted(stand_in.asked) == sorted(ALL)
    assert stand_in.prepared == 1
    told = json.loads((tmp_path / "run" / "study.json").read_text())
    rows = {(row["variant"], row["reading"]): row for row in told["rows"]}
    assert rows["paper", "own"]["differences"] == {}
    by_seed = rows["ud", "own"]["values"]["abs_rel"]["by_seed"]
    assert by_seed == pytest.approx({"0": 0.3, "1": 0.31})
    for key, expected in {("ud", "own"): 0.1, ("paper", "argmax"): 0.05}.items():
        difference = rows[key]["differences"]["abs_rel"]
        assert difference["mean"] == pytest.approx(expected)
        assert difference["half_width"] == pytest.approx(0, abs=1e-12)
    assert (tmp_path / "run" / "study.md").read_text() in capsys.readouterr().out
    with Image.open(tmp_path / "run" / "study.png") as plot:
        assert min(plot.size) > 200


def test_what_is_done_is_not_run_again(stand_in, command, tmp_path):
    main([*command, "--only=ud"])
    assert set(stand_in.asked) == {asked for asked in ALL if "ud" in asked[0]}
    main([*command, "--seeds=1"])
    assert ("paper_seed1", "argmax") in stand_in.asked
    assert ("paper_seed0", "argmax") not in stand_in.asked
    main(command)
    assert sorted(stand_in.asked) == sorted(ALL)
    (tmp_path / "run" / "paper_seed1" / "argmax.json").unlink()
    main([*command, "--table"])
    assert len(stand_in.asked) == len(ALL)
    main(command)
    assert stand_in.asked[len(ALL) :] == [("paper_seed1", "argmax")]


def test_a_failure_is_told_and_the_others_go_on(stand_in, command, tmp_path, capsys):
    stand_in.fails = {("paper_seed0", "expectation"), ("ud_seed1", "expectation")}
    assert main(command) == 1
    failures = [
        line for line in capsys.readouterr().err.splitlines() if "failed" in line
    ]
    assert len(failures) == 2
    assert "paper, seed 0: exit code 2: error: too hot (" in failures[0]
    # Without a network nothing is read off it.
    assert set(stand_in.asked) == ALL - {("paper_seed0", "argmax")}
    told = (tmp_path / "run" / "study.md").read_text()
    assert "| paper, argmax | 1 | 0.2600 | 6.000 |" in told
    stand_in.fails, stand_in.asked = {}, []
    assert main(command) == 0
    assert len(stand_in.asked) == 3


def test_a_reading_that_fails_leaves_the_others(stand_in, command):
    stand_in.fails = {("paper_seed0", "argmax")}
    assert main(command) == 1
    assert set(stand_in.asked) == ALL


def test_a_changed_study_is_noticed_before_anything_is_run(stand_in, command, tmp_path):
    main(command)
    stand_in.asked = []
    changed = r"paper_seed0/own\.json.*train\.num_steps is 1200 there, 7 here.*delete"
    with pytest.raises(UserError, match=changed):
        main([*command, "--config.train.num_steps=7"])
    with pytest.raises(UserError, match="num_steps"):
        main([*command, "--config.train.num_steps=7", "--table"])
    (tmp_path / "study.py").write_text(STUDY.replace('"argmax"}', '"median"}'))
    changed = r"eval\.decode is 'argmax' there.*delete \S+/paper_seed0/argmax\.json$"
    with pytest.raises(UserError, match=changed):
        main(command)
    (tmp_path / "study.py").write_text(STUDY)
    main([*command, f"--config.data.prepared_dir={tmp_path}"])
    assert stand_in.asked == []


def test_what_is_no_study_is_told(stand_in, command, tmp_path):
    with pytest.raises(UserError, match="--only=sid: take some of paper, ud"):
        main([*command, "--only=sid"])
    with pytest.raises(UserError, match="--seeds"):
        main([*command, "--seeds=a"])
    with pytest.raises(UserError, match="--jobs"):
        main([*command, "--jobs=0"])
    with pytest.raises(UserError, match="no such file"):
        load_study(tmp_path / "nothing.py")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(UserError, match="get_study"):
        load_study(tmp_path / "empty.py")
    with pytest.raises(UserError, match="'sid' is not one"):
        Study({"ud": Variant()}, "sid")
    with pytest.raises(UserError, match=r"bins\.kind is of the training"):
        Study({"ud": Variant(readings={"sid": {"bins.kind": "sid"}})}, "ud")
    unknown = Study({"ud": Variant({"bins.kid": "ud"})}, "ud")
    with pytest.raises(UserError, match=r"did you mean --config\.bins\.kind"):
        lay_out(unknown, tmp_path)
    assert stand_in.asked == []


def test_the_table_as_text():
    def row(variant, reading, abs_rel, reference, **more):
        values = {name: {} for name in ("rmse_log", "si_rmse_log", "d1", "rmse")}
        values |= {name: {} for name in ("away_from_edges", "nll", "ece", "aurg")}
        values |= {"abs_rel": abs_rel, "near_edges": {}, **more}
        differences = reference and {
            name: paired_differences(values[name], reference.values[name])
            for name in values
        }
        return Row(
            variant, reading, values, differences or {}, dict.fromkeys(abs_rel, 600)
        )

    paper = row("paper", OWN, {0: 0.2, 1: 0.21, 2: 0.22}, None, nll={0: 2.0})
    worse = row("ud", OWN, {0: 0.3, 1: 0.31, 2: 0.33}, paper)
    few = row("ud", "argmax", {1: 0.2}, paper, rmse={1: 6.54321})
    tables = markdown([paper, worse, few], "paper").split("\n\n")
    assert tables[1] == (
        "|  | seeds | AbsRel | RMSE, m | RMSE(log) | SI-RMSE(log) | d1 |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| paper | 3 | 0.2100 ± 0.0248 |  |  |  |  |\n"
        "| ud | 3 | 0.3133 ± 0.0379 |  |  |  |  |\n"
        "| ud, argmax | 1 | 0.2000 | 6.543 |  |  |  |"
    )
    assert tables[3] == (
        "| less paper | seeds | AbsRel | RMSE, m | AbsRel near edges |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| ud | 3 | **+0.1033 (+0.0890 to +0.1177)** |  |  |\n"
        "| ud, argmax | 1 | -0.0100 |  |  |"
    )
    assert "| paper | 3 |  |  | 2.0000 |  |  |" in tables[5]
    assert tables[6].startswith("7 evaluations, trainings included, took 1.2 hours")


def test_a_process_is_logged_and_gives_its_exit_code(tmp_path):
    with Processes(1) as processes:
        for word in ("one", "two"):
            program = f"import sys; print({word!r}); sys.exit(3)"
            code = processes.run(
                [sys.executable, "-c", program], tmp_path / "a" / "log"
            )
            assert code == 3
    assert (tmp_path / "a" / "log").read_text() == "one\ntwo\n"


def test_processes_end_with_the_study_and_none_begins_after(tmp_path):
    codes = []
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    with Processes(2) as processes:
        sleeping = threading.Thread(
            target=lambda: codes.append(processes.run(sleep, tmp_path / "log"))
        )
        sleeping.start()
        while not (tmp_path / "log").exists() or not (tmp_path / "log").read_text():
            time.sleep(0.01)
    sleeping.join()
    assert codes == [-15]
    assert processes.run(sleep, tmp_path / "log") == START_AGAIN


def test_processes_beside_each_other_share_the_accelerators_memory(monkeypatch):
    monkeypatch.delenv("XLA_PYTHON_CLIENT_MEM_FRACTION", raising=False)
    assert environment(3)["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.300"
    assert "XLA_PYTHON_CLIENT_MEM_FRACTION" not in environment(1)
    monkeypatch.setenv("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.1")
    assert environment(3)["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.1"


def test_processes_beside_each_other_have_cores_of_their_own(monkeypatch):
    cores = sorted(os.sched_getaffinity(0))
    assert core_shares(1) == [set(cores)]
    each = core_shares(len(cores))
    assert sorted(min(share) for share in each) == cores
    assert all(len(share) == 1 for share in each)
    assert core_shares(len(cores) + 1) == [set(cores)] * (len(cores) + 1)
    seen = []

    def look(run, execute):
        seen.append(os.sched_getaffinity(0))
        time.sleep(0.2)  # or one thread would do all
        return []

    monkeypatch.setattr(running, "go_on", look)
    run_all(range(len(cores)), lambda *_: 0, len(cores))
    assert sorted(map(sorted, seen)) == [[core] for core in cores]
    assert sorted(os.sched_getaffinity(0)) == cores


def test_a_bug_is_not_taken_for_a_failed_run(tmp_path):
    def broken(arguments, log):
        raise OSError("no space left")

    runs = lay_out(Study({"paper": Variant()}, "paper"), tmp_path)
    with pytest.raises(OSError, match="no space"):
        run_all(runs, broken, 1)


def test_a_real_cell_is_what_the_run_says(trained, tmp_path, capsys):
    """And running it again gives the same: the run is there, and is only evaluated."""
    study = Study({"paper": Variant()}, "paper", fields=OVERRIDES, seeds=(0,))
    [run] = lay_out(study, tmp_path)
    shutil.copytree(trained / "run", run.folder)

    def in_this_process(arguments, log):
        train_and_evaluate(list(arguments))
        return 0

    assert go_on(run, in_this_process) == []
    assert "the training is finished, at step 4 of 4" in capsys.readouterr().out
    [cell] = run.cells
    assert cell.is_done()
    expected = json.loads((trained / "run" / "eval.json").read_text())
    assert cell.load()["results"] == expected


ADAPTING = """
from benchmarks.study.grid import Study, Variant

def get_study():
    return Study(
        reference="start",
        seeds=(0, 1),
        fields={"data.pairs.manifest": "{study}/b/pairs.jsonl"},
        variants={
            "adapted": Variant({"adapt.portion": 0.3}, adapts="start"),
            "continued": Variant(continues="start"),
            "start": Variant(),
        },
        folders={"b": ("package.export", "--count=3")},
    )
"""


def test_what_adapts_follows_what_it_adapts_on_data_that_is_written_once(
    monkeypatch, tmp_path
):
    asked = []

    def run(_, command, log):
        asked.append(command[2:])
        options = dict(x.split("=", 1) for x in command if x.startswith("--"))
        if "--output" in options:
            Path(options["--output"]).mkdir(parents=True)
        elif "--mode" not in options:
            workdir = Path(options["--workdir"])
            workdir.mkdir(parents=True)
            text = json.dumps({"metrics": {"abs_rel": 0.2, "rmse": 6.0}})
            (workdir / "eval.json").write_text(text)
        return 0

    monkeypatch.setattr(Processes, "run", run)
    (tmp_path / "study.py").write_text(ADAPTING)
    folder = tmp_path / "run"
    command = [f"--config={tmp_path / 'study.py'}", f"--workdir={folder}"]
    assert main([*command, "--only=adapted"]) == 0
    assert main(command) == 0
    export, prepare, *starts, first, second, _, more, _ = asked
    assert export == ["package.export", "--count=3", f"--output={folder}/partial-b"]
    assert (folder / "b").is_dir()
    assert prepare[0] == "deepdepth_jax.main"
    assert {each[0] for each in starts} == {"deepdepth_jax.main"}
    for seed, adapted in enumerate((first, second)):
        assert adapted[:3] == [
            "deepdepth_jax",
            "adapt",
            f"--from={folder}/start_seed{seed}",
        ]
        assert f"--config.data.pairs.manifest={folder}/b/pairs.jsonl" in adapted
    assert more[0] == "deepdepth_jax.main"
    assert f"--config.model.pretrained={folder}/start_seed0" in more
    assert main(command) == 0
    assert len(asked) == 9  # all is done


@pytest.mark.parametrize("how", ["adapts", "continues"])
def test_what_starts_from_another_needs_one_that_does_not(how):
    for start in ("nothing", "other"):
        variants = {"a": Variant(**{how: start}), "other": Variant(**{how: "a"})}
        with pytest.raises(UserError, match="which is not trained alone"):
            Study(variants, "a")
    both = Variant(adapts="b", continues="b")
    with pytest.raises(UserError, match="either adapts or continues"):
        Study({"a": both, "b": Variant()}, "b")


@pytest.mark.parametrize(
    ("name", "seeds"), [("streets", 3), ("kitti_few", 1), ("adapt_streets", 5)]
)
def test_every_config_of_the_studies_can_run(name, seeds, tmp_path):
    study = load_study(Path(f"benchmarks/studies/{name}.py"))
    runs = lay_out(study, tmp_path, ["--config.data.root=KITTI"])
    assert len(runs) == seeds * len(study.variants)
    recipes = {str(run.cells[0].config.to_dict()) for run in runs}
    assert len(recipes) == len(runs)
