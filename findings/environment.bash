# Sourced by the findings: `source environment.bash PACKAGE==VERSION...` makes a temporary
# folder ($folder) with a virtual environment that holds these packages, and removes it at
# the end. $python is its interpreter. Ends with 2 if the packages cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@" || exit 2
"$python" --version
printf '%s\n' "$@"
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
