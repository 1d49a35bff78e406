// The Runtime API in a few lines, since Lambda's own client for Node must be compiled. It flatters Node: the real
// one does more.
import http from 'node:http';

import { handler } from './index.mjs';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

const call = (method, path, body) =>
  new Promise((resolve, reject) => {
    const request = http.request(
      { host, port, method, agent, path: `/2018-06-01/runtime/invocation/${path}` },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });

for (;;) {
  const { headers, body } = await call('GET', 'next');
  const id = headers['lambda-runtime-aws-request-id'];
  const context = {
    awsRequestId: id,
    getRemainingTimeInMillis: () => Number(headers['lambda-runtime-deadline-ms']) - Date.now(),
  };
  try {
    await call('POST', `${id}/response`, JSON.stringify(await handler(JSON.parse(body), context)));
  } catch (error) {
    const report = { errorType: error.name, errorMessage: error.message };
    await call('POST', `${id}/error`, JSON.stringify(report));
  }
}
