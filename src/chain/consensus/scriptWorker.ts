import { parentPort, workerData } from 'node:worker_threads';
import { SignatureCache } from '../script/SignatureCache.js';
import { ScriptJob } from './ScriptJob.js';
import type { ScriptWorkerData, ScriptWorkerRequest } from './ScriptPool.js';

// A thread of the pool: joins every job that it is told of.
const cache = new SignatureCache({ memory: (workerData as ScriptWorkerData).cache });

parentPort!.on('message', ({ memory, limit }: ScriptWorkerRequest) => {
  const job = new ScriptJob(memory, limit);
  try {
    job.work(cache.check);
  } catch (thrown) {
    job.markBroken();
    throw thrown;
  }
});
