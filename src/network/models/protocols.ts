import { MAX_CALIBRATION } from '../../model/index.js';
import type { Protocol } from '../host/Host.js';

/** Longest head of an answer before its bytes. */
export const ANSWER_HEAD = 5;
/** Ids in one question who holds what. */
export const MOST_ASKED = 64;

const MEBIBYTE = 1024 * 1024;

/** Pieces of models and what proves them: questions may be sent before earlier ones are answered, answers come in order. */
export const CHUNKS: Protocol = {
  name: 'chunks/1',
  maxFrame: MEBIBYTE + 64,
  idleTimeout: 20_000,
  streamsPerPeer: 2,
  overRelay: true,
  isBulk: true,
};

/** Whether a peer holds models. */
export const HAVE: Protocol = {
  name: 'have/1',
  maxFrame: 1 + MOST_ASKED * 32,
  idleTimeout: 10_000,
  streamsPerPeer: 4,
  overRelay: true,
};

/** A calibration that lies beside a model: no part of it, and not a piece of it therefore. */
export const CALIBRATION: Protocol = {
  name: 'calibration/1',
  maxFrame: MAX_CALIBRATION,
  idleTimeout: 10_000,
  streamsPerPeer: 2,
  overRelay: true,
};
