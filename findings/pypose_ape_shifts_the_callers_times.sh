#!/usr/bin/env bash
# `metric.ape(..., offset=...)` adds the offset to the time stamps of the caller, if
# they are float64: the second of two equal calls matches other poses, and returns an
# error of 6.7 m here in place of 0. `nposes`, the number of poses to align by, is cut
# off the coordinates instead of the poses, so that 10 and all 50 poses give the same
# alignment.
#
# One would guess: equal calls have equal results, and nposes=10 aligns by 10 poses.
#
# Seen with pypose 0.9.5, torch 2.13.0 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pypose==0.9.5" "torch==2.13.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import pypose
import torch

torch.manual_seed(0)
count = 50
times = torch.arange(count, dtype=torch.float64)
still = torch.tensor([0, 0, 0, 1.0], dtype=torch.float64).expand(count, 4)
positions = 10 * torch.rand(count, 3, dtype=torch.float64)
truth = pypose.SE3(torch.cat([positions, still], 1))
late = times - 1  # so that an offset of 1 s matches each pose with its own
errors = []
for _ in range(2):
    error = pypose.metric.ape(late, truth, times, truth, offset=-1.0, diff=0.4, otype="RMSE")
    errors.append(float(error))
print("errors of equal calls:", [round(x, 3) for x in errors], "first stamp", float(late[0]))
assert errors[0] == 0 and errors[1] > 1 and late[0] != -1, "equal calls agree now"
jump = positions + torch.tensor([5.0, 0, 0]) * (torch.arange(count)[:, None] >= 10)
estimate = pypose.SE3(torch.cat([jump, still], 1))
by = {}
for nposes in (10, -1):
    times = torch.arange(count, dtype=torch.float64)
    error = pypose.metric.ape(
        times, truth, times.clone(), estimate, align=True, nposes=nposes, otype="RMSE"
    )
    by[nposes] = round(float(error), 3)
print("aligned by 10 and by all:", by)
assert by[10] == by[-1] and by[10] < 3, "nposes acts now"
PY
echo "as described: stamps are shifted, and nposes does nothing"
