#!/usr/bin/env bash
# `sync.associate_trajectories` pairs each pose of the shorter trajectory with the
# nearest time of the longer one, also if another pose has it already. Three estimates
# at .095, .1 and .105 s are all compared with the true pose of .1 s, and it counts
# three times in every error.
#
# One would guess: each pose is used once, as in the TUM benchmark's script, which
# removes what it has matched.
#
# Seen with evo 1.38.1 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "evo==1.38.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from evo.core.sync import associate_trajectories
from evo.core.trajectory import PoseTrajectory3D


def trajectory(times_s):
    count = len(times_s)
    return PoseTrajectory3D(
        np.zeros((count, 3)), np.tile([1.0, 0, 0, 0], (count, 1)), np.array(times_s)
    )


estimate, truth = trajectory([0.095, 0.1, 0.105]), trajectory([0, 0.1, 0.2, 0.3])
found, of_truth = associate_trajectories(estimate, truth, max_diff=0.01)
print("estimates", found.timestamps, "truth", of_truth.timestamps)
assert np.allclose(of_truth.timestamps, 0.1) and len(of_truth.timestamps) == 3
PY
echo "as described: one true pose is paired three times"
