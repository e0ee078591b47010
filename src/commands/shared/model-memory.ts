import { totalmem } from 'node:os';
import type { ModelPage } from '../../model/index.js';

/** What running a model takes, and what this machine has, in bytes. */
export interface MemoryNeed {
  readonly weights: number;
  /** Keys and values of 1,000 positions; 0 without a cache. */
  readonly cachePer1000: number;
  /** Keys and values of a full context. */
  readonly cacheFull: number;
  /** Weights and a full context. */
  readonly total: number;
  /** Memory that this process may have. */
  readonly machine: number;
  /** What is free of it now. */
  readonly free: number;
}

/** What a model takes in memory, against what there is. */
export function memoryNeed({ graph, cache, contextLength }: ModelPage): MemoryNeed {
  const { perToken, fixed } = cache ?? { perToken: 0, fixed: 0 };
  const cacheFull = perToken * contextLength + fixed;
  // a container may allow less than the machine has, or state a bound beyond all memory
  const bound = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  const machine = Math.min(totalmem(), bound);
  return {
    weights: graph.memory,
    cachePer1000: perToken * 1000 + fixed,
    cacheFull,
    total: graph.memory + cacheFull,
    machine,
    free: Math.min(process.availableMemory(), machine),
  };
}
