#!/usr/bin/env bash
# A flag that is given twice has its last value: so scripts append overrides. Of
# ml_collections' config_flags that holds for a number, while the items of a tuple that is
# given twice are joined. An int field takes True, becomes a bool by it, and refuses the
# next int.
#
# One would guess: the last of several values counts, for a tuple as for a number, and the
# type of a field is kept.
#
# Seen with ml_collections 1.1.0 and absl-py 2.5.0 on Python 3.11, Linux x86-64. Exits with
# 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "ml_collections==1.1.0" "absl-py==2.5.0" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
cat > "$folder/show.py" <<'PY'
from absl import app
from ml_collections import ConfigDict, config_flags

flag = config_flags.DEFINE_config_dict("config", ConfigDict({"scales": (1.0,), "steps": 10}))


def main(_):
    print(flag.value.scales, flag.value.steps)
    config = ConfigDict({"steps": 10})
    config.steps = True
    print(repr(config.steps), end=" ")
    try:
        config.steps = 20
        print(config.steps)
    except TypeError as error:
        print(f"TypeError: {error}"[:54])


app.run(main)
PY
"$python" "$folder/show.py" --config.scales="(2.0,)" --config.scales="(3.0,)" \
  --config.steps=20 --config.steps=30 | tee "$folder/shown"
grep -qx "(2.0, 3.0) 30" "$folder/shown"
grep -q "^True TypeError: Could not override field 'steps'" "$folder/shown"
echo "as described: a tuple is joined, a number is replaced, and an int turns into a bool"
