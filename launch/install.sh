#!/usr/bin/env bash
# Installs this checkout into an environment of its own, at the locked versions.
#
#   launch/install.sh FOLDER [EXTRA,...]
#   launch/install.sh ~/deepdepth train,cuda && ~/deepdepth/bin/deepdepth --help
#
# PYTHON says which Python. Packages that requirements.lock does not list, such as
# CUDA's, get the newest version that fits the others.
set -euo pipefail

if (($# < 1 || $# > 2)); then
    echo "usage: $0 FOLDER [EXTRA,...]" >&2
    exit 2
fi
root=$(cd "$(dirname "$0")/.." && pwd)
"${PYTHON:-python3}" -m venv "$1"
# As constraints, without their hashes: with hashes pip refuses what is not listed.
sed -n 's/^\([A-Za-z0-9._-]*==[^\\]*\).*/\1/p' "$root/requirements.lock" >"$1/constraints.txt"
"$1/bin/pip" install --quiet --no-cache-dir --constraint "$1/constraints.txt" "$root${2:+[$2]}"
