import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../base/index.js';
import { THREAD_LIMITS } from './runtime/limits.js';

/**
 * The process in which the thread of a foreign model runs (`OpenOptions.isolate`): it passes messages on and nothing else.
 * What ONNX Runtime does to it in native code, a crash or a run that never ends, it does to no one else.
 */
function relay(options: unknown): void {
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: options,
    resourceLimits: THREAD_LIMITS,
  });
  worker.on('message', (reply: object) => process.send?.(reply));
  worker.on('error', (error) => process.send?.({ type: 'died', why: messageOf(error) }));
  worker.on('exit', () => process.disconnect());
  process.on('message', (request) => worker.postMessage(request));
}

/** A thread in native code can't be ended, but its process can. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

// Ctrl-C on a terminal reaches all its processes; the one that started this one decides what it means
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', end);
try {
  // where memory runs out, Linux ends this process rather than the one that serves others (proc(5))
  if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', '1000');
} catch {
  // a system that does not let it be asked for decides by itself
}
process.once('message', relay);
