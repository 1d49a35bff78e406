#!/usr/bin/env bash
# What AWS's own pages give for stopping all jobs of a queue that wait: a call for each, one after the other.
set -euo pipefail
aws batch list-jobs --job-queue "$1" --job-status RUNNABLE \
  --query "jobSummaryList[?starts_with(jobName, '$2')].[jobId]" --output text |
  while read -r id; do
    aws batch cancel-job --job-id "$id" --reason "Superseded."
    echo "$id"
  done
