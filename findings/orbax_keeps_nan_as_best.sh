#!/usr/bin/env bash
# Orbax's CheckpointManager with best_fn sorts checkpoints by their metric, and NaN sorts
# nowhere. A checkpoint whose metric is NaN can be best_step(), whether the least or the
# greatest counts, and max_to_keep deletes the checkpoint that was really the best. So the
# diverged end of a training replaces its best network.
#
# One would guess: NaN counts as the worst, or saving refuses it.
#
# Seen with orbax-checkpoint 0.12.8, jax 0.10.2, jaxlib 0.10.2 and numpy 2.4.6 on Python
# 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "orbax-checkpoint==0.12.8" "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import math
import tempfile

import numpy as np
import orbax.checkpoint as ocp


def kept(values, count, mode):
    options = ocp.CheckpointManagerOptions(
        max_to_keep=count,
        best_fn=lambda metrics: metrics["metric"],
        best_mode=mode,
        enable_async_checkpointing=False,
    )
    with ocp.CheckpointManager(tempfile.mkdtemp(), options=options) as manager:
        for step, value in enumerate(values):
            state = ocp.args.StandardSave({"step": np.full(1, step)})
            manager.save(step, args=state, metrics={"metric": value})
        return sorted(manager.all_steps()), manager.best_step()


for values, count, mode, expected in (
    ([0.3, 0.2, 0.4], 1, "min", ([1], 1)),
    ([0.3, 0.2, math.nan], 1, "min", ([2], 2)),
    ([0.3, 0.2, math.nan, 0.25], 2, "min", ([2, 3], 3)),
    ([0.8, 0.9, math.nan], 1, "max", ([2], 2)),
):
    found = kept(values, count, mode)
    print(f"{mode} of {values}, {count} kept: steps and best step", found)
    assert found == expected, "other steps are kept now"
PY
echo "as described: a checkpoint of NaN is kept, and the best one is deleted"
