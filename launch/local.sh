#!/usr/bin/env bash
# Trains on several processes of this machine.
#
#   launch/local.sh N CONFIG [ARGUMENT...]
#   launch/local.sh 4 configs/kitti.py --config.data.root=ROOT
#
# Where there are GPUs, each process takes one of the first N. One process with all GPUs
# (launch/gpu.sh) trains the same; several read and augment images faster.
#
# When a process fails, the others are ended, and its exit code is this script's. SIGTERM
# is passed on: the run saves its state and ends with 75. After Ctrl-C and when the
# terminal is closed the state is saved too, and the code is 130 or 129. PYTHON says which
# Python.
set -euo pipefail

if (($# < 2)) || [[ ! $1 =~ ^[1-9][0-9]*$ ]]; then
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

end_all() {
    kill -KILL $(jobs -p) || true
    wait
} 2>/dev/null
trap end_all EXIT
terminate_all() {
    kill -TERM $(jobs -p) 2>/dev/null || true
}
trap terminate_all TERM
stopped=75
stop() { # Ctrl-C again, or the like, does not wait for the state to be saved
    stopped=$1
    trap 'exit $stopped' INT HUP
    terminate_all
}
trap 'stop 130' INT
trap 'stop 129' HUP
processes=()
for ((i = 0; i < count; i++)); do
    JAX_PROCESS_ID=$i JAX_LOCAL_DEVICE_IDS=$i \
        "$python" -m deepdepth_jax.main --config="$config" "$@" &
    processes[i]=$!
done

while ((${#processes[@]})); do
    sleep 0.5 || true # SIGTERM may be for it too
    failed=0
    for i in "${!processes[@]}"; do
        if kill -0 "${processes[i]}" 2>/dev/null; then
            continue
        fi
        code=0
        wait "${processes[i]}" || code=$?
        unset "processes[i]"
        if ((code > 128)); then # what is killed cannot say so itself
            echo "process $i of $count: killed by SIG$(kill -l "$code")" >&2
        fi
        failed=$((code > failed ? code : failed))
    done
    if ((failed)); then
        sleep 1 || true # for what the others have to say
        exit $((failed == 75 ? stopped : failed))
    fi
done
