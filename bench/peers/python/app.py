"""boto3 and Powertools' batch processor, as its documentation shows it: one record after the other."""

import json

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
batch = boto3.client("batch")


def cancel(record):
    request = json.loads(record.body)
    batch.cancel_job(jobId=request["jobId"], reason=request["reason"])


def handler(event, context):
    return process_partial_response(
        event=event, record_handler=cancel, processor=processor, context=context
    )
