#!/usr/bin/env bash
# AbsRel, mean |x - d| / d, punishes far predictions without bound and near ones by at most
# 1. The estimate that minimises it is not the median of the distribution, but the median of
# p(d)/d: for log-normal depth the median times exp(-s^2), s the standard deviation of
# ln d. From s = 0.75 on the mean of the true distribution scores worse than a prediction
# of 0 m everywhere, from s = 0.93 on the median does too.
#
# One would guess: an absolute error is minimised by the median, dividing by the truth only
# weighs the pixels, and the exact distribution's mean beats any constant.
#
# Seen with scipy 1.17.1 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "scipy==1.17.1" \
  "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY'
import numpy as np
from scipy import integrate, optimize, stats


def absrel(ratio, s):
    """Expected AbsRel of `ratio` times the median, ln d normal with deviation s."""
    error = lambda z: abs(ratio * np.exp(-s * z) - 1) * stats.norm.pdf(z)
    kink = np.log(ratio) / s
    low, high = (integrate.quad(error, *ends)[0] for ends in ((-12, kink), (kink, 12)))
    return low + high


for s in (0.25, 0.5, 1.0, 1.5):
    best = optimize.minimize_scalar(lambda r: absrel(r, s), (1e-3, 1), (1e-6, 2), method="bounded")
    mean = np.exp(s**2 / 2)
    print(
        f"s = {s}: AbsRel {best.fun:.3f} at {best.x:.3f} of the median, "
        f"{absrel(1, s):.3f} at the median, {absrel(mean, s):.3f} at the mean, 1 at 0 m"
    )
    assert abs(best.x - np.exp(-(s**2))) < 1e-3
worse = {
    "mean": optimize.brentq(lambda s: absrel(np.exp(s**2 / 2), s) - 1, 0.3, 2),
    "median": optimize.brentq(lambda s: absrel(1, s) - 1, 0.3, 2),
}
worse = {name: round(s, 2) for name, s in worse.items()}
print("as bad as 0 m everywhere, from s =", worse)
assert worse == {"mean": 0.75, "median": 0.93}
PY
echo "as described: the nearer, the safer"
