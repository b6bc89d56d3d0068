#!/usr/bin/env bash
# Trains on all GPUs of this machine with one process.
#
#   launch/gpu.sh CONFIG [ARGUMENT...]
#   CUDA_VISIBLE_DEVICES=0,1 launch/gpu.sh configs/kitti.py --config.data.root=ROOT
#
# Needs pip install -e ".[train,cuda]". train.batch_size must be a multiple of the number of
# GPUs. PYTHON says which Python.
set -euo pipefail

if (($# < 1)); then
    echo "usage: $0 CONFIG [ARGUMENT...]" >&2
    exit 2
fi
config=$1
shift
# Without a GPU this fails, rather than to train on the CPU.
export JAX_PLATFORMS=cuda,cpu
exec "${PYTHON:-python}" -m deepdepth_jax.main --config="$config" "$@"
