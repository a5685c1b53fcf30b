#!/bin/bash
# One run as a Slurm array: every task of the array makes one shard, in a folder of its own.
#
#   export RUNS=$HOME/runs/qwen-math        # a folder that all nodes share
#   sbatch --array=1-8 docs/slurm_array.sh evaluate --model Qwen/Qwen2.5-7B --problems math.jsonl
#   fork-explorer runs merge "$RUNS"        # when all of them are done
#
# The command is evaluate, interventions, compare or rollouts, with its usual options. Fetch the
# model once before (`fork-explorer download`), into a cache that all nodes share. Where a task is
# requeued, or the same line is submitted again, its shard continues after its last finished unit.
# Shards have to agree on the day that a chat template may show: it is that of DAY, or of the first
# task that starts.
#SBATCH --job-name=fork-explorer
#SBATCH --gpus=1
#SBATCH --time=24:00:00
#SBATCH --requeue
set -eu

: "${RUNS:?Set RUNS to a folder that all nodes share.}"
NUMBER=$SLURM_ARRAY_TASK_ID
OF=$SLURM_ARRAY_TASK_COUNT
COMMAND=$1
shift

mkdir -p "$RUNS"
# The first task writes the day; a link is made once, whoever else tries.
echo "${DAY:-$(date -u +%F)}" > "$RUNS/.day-$NUMBER"
ln "$RUNS/.day-$NUMBER" "$RUNS/.day" 2> /dev/null || true
rm "$RUNS/.day-$NUMBER"

FOLDER=$RUNS/shard-$NUMBER
if [ -e "$FOLDER/config.json" ]; then
    exec fork-explorer "$COMMAND" --run "$FOLDER" --resume
fi
exec fork-explorer "$COMMAND" "$@" --prompt-date "$(cat "$RUNS/.day")" \
    --shard "$NUMBER/$OF" --run "$FOLDER"
