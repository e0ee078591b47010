import type { ChainNode } from '../../chain/index.js';
import type { Host } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';

/** What everything in here works with. */
export interface SyncContext {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly node: ChainNode;
  /** Program and version as others see it, printable ASCII of at most 64 letters, such as `bitmodel/0.1.0`. */
  readonly agent: string;
  /** Milliseconds in which a peer must take a frame of the blocks that it asked for; 20,000 unless stated. */
  readonly frameTime?: number | undefined;
  /** Milliseconds that a peer may take for its headers, and 2 for each that it shows; 60,000 unless stated. */
  readonly headerTime?: number | undefined;
}
