"""The rounds of an adaptation: label the target, train on source and labels, evaluate.

The last round is the result. To choose the best round by true depth of the target would
use what self-training does without.
"""

import json
from pathlib import Path

from deepdepth_jax.adapt.identity import check_same_adaptation, claim_adaptation
from deepdepth_jax.adapt.labelling import label_target
from deepdepth_jax.adapt.plan import Plan
from deepdepth_jax.adapt.round_files import Round
from deepdepth_jax.adapt.row_prior import Prior, find_row_prior
from deepdepth_jax.adapt.table import rounds_table
from deepdepth_jax.adapt.target import (
    FILE,
    TargetImage,
    list_images,
    prepare_target,
    read_target,
)
from deepdepth_jax.evaluation.evaluate import evaluate, evaluate_network
from deepdepth_jax.evaluation.preconditions import without_evaluation
from deepdepth_jax.inference.saved_network import load_run
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.parallel import as_primary_says, await_all, is_primary
from deepdepth_jax.runtime.preemption import PreemptionNotice
from deepdepth_jax.runtime.workdir import EVALUATION_FILE, held, started_config
from deepdepth_jax.training.loop import train
from deepdepth_jax.weights.adopt import complete_with_pretrained

RESULT_FILES = (EVALUATION_FILE, "eval.md", "eval_images.csv")
TABLE = "rounds.md"


def rounds_of(workdir: Path, count: int) -> list[Round]:
    """Lists the rounds of an adaptation, the first one first."""
    return [Round(i, workdir / f"round_{i}") for i in range(1, count + 1)]


def adapt(plan: Plan, workdir: Path, notice: PreemptionNotice) -> None:
    """Runs all rounds, resuming at the unfinished stage.

    Args:
      plan: of the adaptation.
      workdir: of the adaptation.
      notice: of signals, entered.

    Raises:
      UserError: the folder holds something else or is in use, no image can be used, or
        no pixel is selected.
      PreemptedError: a signal came.
    """
    check_same_adaptation(plan, workdir)
    reason = without_evaluation(plan.config)
    if not as_primary_says((workdir / FILE).exists()):
        list_images(plan.config, workdir)  # before anything is written
    with held(workdir):
        images = _target(plan, workdir)
        if reason is None:
            _evaluate_start(plan, workdir / "round_0")
        else:
            print(reason, flush=True)
        rounds = rounds_of(workdir, plan.config.adapt.rounds)
        prior = find_row_prior(plan, workdir)
        _run(plan, rounds, images, prior, notice, evaluates=reason is None)
        if is_primary():
            _finish(workdir, rounds)


def _target(plan: Plan, workdir: Path) -> list[TargetImage]:
    """Prepares the images of the target, once."""
    if is_primary():
        claim_adaptation(plan, workdir)
        if not (workdir / FILE).exists():
            files = list_images(plan.config, workdir)
            prepare_target(files, plan.config, plan.network.camera, workdir)
    await_all("the target is prepared")
    return read_target(workdir)


def _evaluate_start(plan: Plan, folder: Path) -> None:
    """Evaluates the network before the first round, on the target."""
    if not as_primary_says((folder / EVALUATION_FILE).exists()):
        evaluate_network(plan.network, folder)


def _run(
    plan: Plan,
    rounds: list[Round],
    images: list[TargetImage],
    prior: Prior,
    notice: PreemptionNotice,
    *,
    evaluates: bool,
) -> None:
    trained, pretrained = plan.network.trained, plan.pretrained
    for each in rounds:
        if not as_primary_says(each.done.exists()):
            label_target(plan, each, trained, images, prior)
            _train(plan, each, pretrained, notice, evaluates=evaluates)
        pretrained = str(each.checkpoint)
        trained = load_run(each.run, "last").trained


def _train(
    plan: Plan,
    each: Round,
    pretrained: str,
    notice: PreemptionNotice,
    *,
    evaluates: bool,
) -> None:
    """Trains on source and pseudo-labels, and evaluates the last checkpoint."""
    asked = plan.round_config(each, pretrained)
    config = complete_with_pretrained(asked, started_config(each.run))
    print(f"round {each.index} of {plan.config.adapt.rounds}: trains", flush=True)
    train(config, each.run, notice)
    if evaluates:
        evaluate(config, each.run, "last")
    if is_primary():
        done = {"step": config.train.num_steps}
        atomic.write(each.done, json.dumps(done) + "\n")
    await_all(f"round {each.index} is done")


def _finish(workdir: Path, rounds: list[Round]) -> None:
    """Writes the table of all rounds, and the evaluation of the last one."""
    for name in RESULT_FILES:
        if (rounds[-1].run / name).exists():
            atomic.write(workdir / name, (rounds[-1].run / name).read_bytes())
    table = rounds_table(workdir / "round_0", rounds)
    atomic.write(workdir / TABLE, table)
    print(f"\n{table}\nrounds: {workdir / TABLE}\nadapted network: {rounds[-1].run}")
