// The AWS SDK v3 and Powertools' batch processor, as its documentation shows it: all records at once, as far as
// the SDK's 50 sockets allow.
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { BatchClient, CancelJobCommand } from '@aws-sdk/client-batch';

const batch = new BatchClient({});
const processor = new BatchProcessor(EventType.SQS);

const cancel = async (record) => {
  const { jobId, reason } = JSON.parse(record.body);
  await batch.send(new CancelJobCommand({ jobId, reason }));
};

export const handler = (event, context) =>
  processPartialResponse(event, cancel, processor, { context, throwOnFullBatchFailure: false });
