#!/usr/bin/env bash
# Trains on several processes of this machine.
#
#   launch/local.sh N CONFIG [ARGUMENT...]
#   launch/local.sh 4 configs/kitti.py --config.data.root=ROOT
#
# Where there are GPUs, each process takes one of the first N. One process with all GPUs
# (launch/gpu.sh) trains the same; several read and augment pictures faster.
#
# Ends with the exit code of the first process that fails, and ends the others. SIGTERM
# is passed on: the run saves its state and ends with 75. PYTHON says which Python.
set -euo pipefail

if (($# < 2)); then
    echo "usage: $0 N CONFIG [ARGUMENT...]" >&2
    exit 2
fi
count=$1 config=$2
shift 2

python=${PYTHON:-python}
port=$("$python" -c 'import socket
with socket.socket() as s:
    s.bind(("", 0))
    print(s.getsockname()[1])')
export JAX_COORDINATOR_ADDRESS=localhost:$port JAX_NUM_PROCESSES=$count

pids=()
trap 'kill -KILL "${pids[@]}" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'is_signal=1; kill -TERM "${pids[@]}" 2>/dev/null || true' TERM
for ((i = 0; i < count; i++)); do
    JAX_PROCESS_ID=$i JAX_LOCAL_DEVICE_IDS=$i \
        "$python" -m deepdepth_jax.main --config="$config" "$@" &
    pids+=("$!")
done

left=$count
while ((left > 0)); do
    code=0 is_signal=0
    wait -n || code=$?
    if ((is_signal)); then
        continue # no process has ended: the signal has interrupted the wait
    fi
    if ((code)); then
        sleep 1 # for what the others have to say
        exit "$code"
    fi
    left=$((left - 1))
done
