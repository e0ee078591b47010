import type { HeaderRecord } from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';
import { SERVICES, type Status } from './status.js';

/** A pruned node keeps so many blocks below its tip. */
const RECENT_BLOCKS = 288;

/** What is known of a peer's chain. */
export class SyncPeer {
  readonly id: PeerId;
  /** What it says of itself. */
  status: Status;
  /** Seconds that its clock was ahead of ours when it said so, the way of the message included. */
  clockOffset = 0;
  /** The header with the most work that it has shown; its blocks are asked for up to there. */
  best: HeaderRecord | undefined;

  constructor(id: PeerId, status: Status) {
    this.id = id;
    this.status = status;
  }

  /** Notes a header that it has shown. */
  shows(entry: HeaderRecord): void {
    if (!this.best || entry.work > this.best.work) this.best = entry;
  }

  /** Whether it keeps the block of a height, as it says. */
  keeps(height: number): boolean {
    const { services } = this.status;
    if ((services & SERVICES.blocks) !== 0) return true;
    if ((services & SERVICES['recent-blocks']) === 0) return false;
    return height > Math.max(this.status.height, this.best?.height ?? 0) - RECENT_BLOCKS;
  }
}

/** The connected peers that have said what chain they have. */
export type SyncPeers = Map<PeerId, SyncPeer>;
