"""boto3 as a careful engineer uses it: bulk calls of 50 on 16 threads, then one look at every job.

A message is acknowledged only if that look showed that its job has ended or has started, when no cancel helps any
more. All others go back to the queue: what Batch refused, what was not seen, and what waits as before.
"""

import json
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

THREADS = 16
CANCELS_A_CALL = 50
LOOKS_A_CALL = 100
SETTLED = {"STARTING", "RUNNING", "SUCCEEDED", "FAILED"}

batch = boto3.client(
    "batch",
    config=Config(max_pool_connections=THREADS, retries={"mode": "standard", "max_attempts": 6}),
)
threads = ThreadPoolExecutor(THREADS)


def cancel(jobs, reason):
    """The jobs that could not be cancelled."""
    try:
        answer = batch.cancel_jobs(jobs=jobs, reason=reason)
    except (BotoCoreError, ClientError) as error:
        print(f"CancelJobs failed for {len(jobs)} jobs: {error}")
        return set(jobs)
    for error in answer["errors"]:
        print(f"{error['job']} was not cancelled: {error}")
    return {error["job"] for error in answer["errors"]}


def look(jobs):
    """The status of each job that could be seen."""
    try:
        answer = batch.describe_jobs(jobs=jobs)
    except (BotoCoreError, ClientError) as error:
        print(f"DescribeJobs failed for {len(jobs)} jobs: {error}")
        return {}
    return {job["jobId"]: job["status"] for job in answer["jobs"]}


def chunks(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]


def handler(event, context):
    job_of, jobs_by_reason, returned = {}, defaultdict(list), set()
    for record in event["Records"]:
        try:
            request = json.loads(record["body"])
            job, reason = request["jobId"], request["reason"]
        except (ValueError, KeyError, TypeError) as error:
            print(f"{record['messageId']} is not a request: {error!r}")
            returned.add(record["messageId"])
        else:
            job_of[record["messageId"]] = job
            jobs_by_reason[reason].append(job)

    calls = [(jobs, reason) for reason, all_jobs in jobs_by_reason.items() for jobs in chunks(all_jobs, CANCELS_A_CALL)]
    failed = set().union(*threads.map(lambda call: cancel(*call), calls))
    status = {}
    for seen in threads.map(look, chunks(list(job_of.values()), LOOKS_A_CALL)):
        status |= seen

    for message, job in job_of.items():
        if job in failed or status.get(job) not in SETTLED:
            returned.add(message)
    print(json.dumps({"messages": len(event["Records"]), "returned": len(returned), **Counter(status.values())}))
    return {"batchItemFailures": [{"itemIdentifier": message} for message in returned]}
