#!/usr/bin/env bash
# JAX_PLATFORMS lists the platforms that JAX shall use, and one that cannot be used is an
# error: JAX_PLATFORMS=tpu,cpu raises where there is no TPU. JAX_PLATFORMS=cuda,cpu does
# not: where the CUDA plugin is not installed, JAX computes on the CPU without a word. So a
# training that was sent to a GPU runs many times slower, unless the program itself asks
# for jax.devices("cuda"). JAX_PLATFORMS=cuda ends in an AssertionError without text.
#
# One would guess: a platform that is named and missing is an error, whichever it is.
#
# Seen with jax 0.10.2 and jaxlib 0.10.2 on Python 3.11, Linux x86-64, without the CUDA
# plugin. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" \
  "jaxlib==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
cat > "$folder/devices.py" <<'PY'
import jax

try:
    print(jax.devices())
except (AssertionError, RuntimeError) as error:
    print(f"{type(error).__name__}: {' '.join(str(error).split())[:60]}")
PY
devices_of() {
  JAX_PLATFORMS=$1 "$python" "$folder/devices.py" 2> "$folder/stderr"
}
found=$(devices_of cuda,cpu)
echo "JAX_PLATFORMS=cuda,cpu: $found, $(wc -c < "$folder/stderr") bytes on stderr"
test "$found" = "[CpuDevice(id=0)]" -a ! -s "$folder/stderr"
found=$(devices_of tpu,cpu)
echo "JAX_PLATFORMS=tpu,cpu: $found"
[[ $found == "RuntimeError: Unable to initialize backend 'tpu'"* ]]
found=$(devices_of cuda)
echo "JAX_PLATFORMS=cuda: $found"
test "$found" = "AssertionError: "
