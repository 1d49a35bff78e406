"""A sweep as a careful engineer writes it: the queue listed, then bulk calls and looks on 32 threads."""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

THREADS = 32
CANCELS_A_CALL = 50
LOOKS_A_CALL = 100

batch = boto3.client(
    "batch",
    config=Config(max_pool_connections=THREADS, retries={"mode": "standard", "max_attempts": 6}),
)


def chunks(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]


def cancel(jobs):
    answer = batch.cancel_jobs(jobs=jobs, reason="Superseded.")
    for error in answer["errors"]:
        print(f"{error['job']} was not cancelled: {error}")


def look(jobs):
    return {job["jobId"]: job["status"] for job in batch.describe_jobs(jobs=jobs)["jobs"]}


def main(queue, prefix):
    found = []
    for status in ("SUBMITTED", "PENDING", "RUNNABLE"):
        pages = batch.get_paginator("list_jobs").paginate(
            jobQueue=queue, jobStatus=status, PaginationConfig={"PageSize": 1000}
        )
        for page in pages:
            found += [job["jobId"] for job in page["jobSummaryList"] if job["jobName"].startswith(prefix)]
    status = {}
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(cancel, chunks(found, CANCELS_A_CALL)))
        for seen in threads.map(look, chunks(found, LOOKS_A_CALL)):
            status |= seen
    for job in found:
        print(json.dumps({"jobId": job, "status": status.get(job)}))
    print(json.dumps({"found": len(found), **Counter(status.values())}))


main(*sys.argv[1:])
