#!/usr/bin/env bash
# The mean field of a fully connected CRF sums over all other pixels (Krähenbühl and Koltun
# 2011, algorithm 1: j different from i). pydensecrf2 sums over the pixel itself too. With a
# kernel so narrow that no two pixels touch, nothing should change, and each step adds the
# weight times the pixel's own probability to its log-probability: a CRF that cannot see any
# neighbour makes every pixel surer.
#
# One would guess: the authors' code leaves out the pixel itself, as their paper does.
#
# Seen with pydensecrf2 1.1 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "pydensecrf2==1.1" \
  "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY'
import numpy as np
import pydensecrf.densecrf as dcrf

WEIGHT = 2.0
given = np.random.default_rng(0).dirichlet(np.ones(3), 64).astype(np.float32).T.copy()


def refined(steps):
    crf = dcrf.DenseCRF2D(8, 8, 3)
    crf.setUnaryEnergy(-np.log(given))
    crf.addPairwiseGaussian(sxy=0.01, compat=WEIGHT)
    return np.array(crf.inference(steps))


def with_itself(steps):
    q = given
    for _ in range(steps):
        q = given * np.exp(WEIGHT * q)
        q = q / q.sum(axis=0)
    return q


for steps in (0, 1, 5):
    found = refined(steps)
    print(f"{steps} steps: mean of the highest probability {found.max(axis=0).mean():.3f}")
    np.testing.assert_allclose(found, with_itself(steps), atol=1e-4)
assert refined(5).max(axis=0).mean() > given.max(axis=0).mean() + 0.1
PY
echo "as described: the sum includes the pixel itself"
