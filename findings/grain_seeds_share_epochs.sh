#!/usr/bin/env bash
# Grain shuffles epoch e of the seed s in the order of epoch 0 of the seed s + e. Three
# trainings with the seeds 0, 1 and 2 see the same epochs, one later each, so their spread
# says less about the order of the data than it seems. The random generators that
# IndexSampler gives to records are shared in the same way: record i of seed s has that of
# record i - 1 of seed s + 1.
#
# One would guess: seed and epoch are hashed together, so that all epochs of all seeds
# differ.
#
# Seen with grain 0.2.18 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "grain==0.2.18" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import grain.python as grain
import numpy as np

COUNT, EPOCHS = 1000, 3


def epochs(seed):
    data = grain.MapDataset.range(COUNT).shuffle(seed=seed).repeat(EPOCHS)
    return np.array(list(data)).reshape(EPOCHS, COUNT)


first, second = epochs(0), epochs(1)
print("seed 0, epochs 1 and 2 begin with", first[1:, :5].tolist())
print("seed 1, epochs 0 and 1 begin with", second[:2, :5].tolist())
assert (first[0] != second[0]).any()
assert (first[1:] == second[:-1]).all(), "the seeds have other epochs now"
samplers = [
    grain.IndexSampler(COUNT, shuffle=True, seed=seed, num_epochs=EPOCHS) for seed in (0, 1)
]
drawn = [samplers[0][6].rng.random(), samplers[1][5].rng.random()]
print("IndexSampler: record 6 of seed 0 and record 5 of seed 1 draw", drawn)
assert drawn[0] == drawn[1], "records have other generators now"
PY
echo "as described: seeds that follow each other share their epochs"
