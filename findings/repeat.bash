#!/usr/bin/env bash
# Repeats all findings, or those that are named: findings/repeat.bash NAME...
# Exits with 1 if a behaviour has changed, with 2 if packages could not be installed.
set -uo pipefail
cd "$(dirname "$0")"
names=("$@")
[ $# -gt 0 ] || names=(*.sh)
status=0
for name in "${names[@]}"; do
  output=$(bash "./${name%.sh}.sh" 2>&1)
  case $? in
    0) echo "as recorded: ${name%.sh}" ;;
    2) echo "not repeated, packages are missing: ${name%.sh}"; [ $status -eq 1 ] || status=2 ;;
    *) echo "CHANGED: ${name%.sh}"; status=1 ;;
  esac
  sed 's/^/    /' <<< "$output"
done
exit $status
