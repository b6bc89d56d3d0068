#!/usr/bin/env bash
# A program serialised by jax.export holds the absolute paths of the Python files that
# were traced, so the same function exported from two folders gives different bytes, and
# a published file tells where it was made. jax_include_full_tracebacks_in_locations=False
# keeps one path. jax_traceback_in_locations_limit=0 removes them all.
#
# One would guess: an exported program is a pure function of what is computed: equal code, equal bytes.
#
# Seen with jax 0.10.2 on Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" \
  "jaxlib==0.10.2" "flatbuffers==25.12.19" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
cat > "$folder/export_here.py" <<'PY'
import sys

import jax
import jax.numpy as jnp

name, value = sys.argv[2].split("=")
if name:
    jax.config.update(name, {"False": False, "0": 0}[value])


@jax.jit
def scaled(x):
    return 2 * jnp.sin(x)


exported = jax.export.export(scaled)(jax.ShapeDtypeStruct((4,), jnp.float32))
with open(sys.argv[1], "wb") as file:
    file.write(exported.serialize())
PY
for place in first second; do
  mkdir "$folder/$place"
  cp "$folder/export_here.py" "$folder/$place/"
  for setting in = jax_include_full_tracebacks_in_locations=False jax_traceback_in_locations_limit=0; do
    "$python" "$folder/$place/export_here.py" "$folder/$place/$setting" "$setting"
  done
done
test "$(grep -c "$folder/first" first/=)" -gt 0
! cmp -s first/= second/=
echo "by default: the file holds $folder/first, and two folders give different bytes"
test "$(grep -c "$folder/first" first/jax_include_full_tracebacks_in_locations=False)" -gt 0
echo "without full tracebacks: still holds the path"
! grep -q "$folder" first/jax_traceback_in_locations_limit=0
cmp first/jax_traceback_in_locations_limit=0 second/jax_traceback_in_locations_limit=0
echo "with a limit of 0: no path, and equal bytes"
