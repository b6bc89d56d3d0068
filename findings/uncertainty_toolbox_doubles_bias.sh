#!/usr/bin/env bash
# Recalibration by quantiles (get_quantile_recalibrator) moves a biased prediction away
# from the data, by as much as it was off: predictions of 10 with a truth about 11 are
# recalibrated to 9. get_proportion_under_quantile, which it is fitted to, takes the
# residual as prediction minus truth, and so counts the share above the opposite
# quantile: .83 below the median where .17 are below it.
#
# One would guess: recalibration moves the median towards the data.
#
# Seen with uncertainty-toolbox 0.1.1 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "uncertainty-toolbox==0.1.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from uncertainty_toolbox.metrics_calibration import get_proportion_under_quantile
from uncertainty_toolbox.recalibration import get_quantile_recalibrator

noise = np.random.default_rng(0).normal(size=2000)
mean, std, truth = np.full(2000, 10.0), np.ones(2000), 11 + noise
below = np.mean(truth <= mean)
counted = get_proportion_under_quantile(mean, std, truth, 0.5)
recalibrate = get_quantile_recalibrator(mean, std, truth)
median = float(recalibrate(mean[:1], std[:1], 0.5)[0])
print(f"share below the predicted median: {below:.3f}, as counted: {counted:.3f}")
print(f"median: predicted 10, of the truth {np.median(truth):.2f}, recalibrated {median:.2f}")
assert abs(below + counted - 1) < 1e-6, "the share is counted on its own side now"
assert abs(median - 9) < 0.2, "the median moves towards the truth now"
PY
echo "as described: recalibration moves the median to the other side"
