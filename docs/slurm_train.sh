#!/bin/bash
# One fine-tune or distillation on all GPUs of several Slurm nodes.
#
#   export RUN=$HOME/runs/qwen-math         # a folder that all nodes share
#   sbatch --nodes=2 docs/slurm_train.sh train --model Qwen/Qwen2.5-7B --problems math.jsonl
#
# The command is train or distill, with its usual options. Fetch the model once before
# (`fork-explorer download`), into a cache that all nodes share. Where the job is requeued, or the
# same line is submitted again, the run continues after its last checkpoint.
#SBATCH --job-name=fork-explorer
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --time=24:00:00
#SBATCH --requeue
set -eu

: "${RUN:?Set RUN to the folder of the run.}"
COMMAND=$1
shift
if [ -e "$RUN/config.json" ]; then
    set -- "$COMMAND" --run "$RUN" --resume
else
    set -- "$COMMAND" "$@" --run "$RUN"
fi

FIRST=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
exec srun torchrun --nnodes "$SLURM_NNODES" --nproc-per-node "$SLURM_GPUS_ON_NODE" \
    --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$FIRST:29500" \
    -m -- core.cli "$@"
