import type { ChainNode, HeaderRecord } from '../../chain/index.js';
import type { BranchPath } from './BranchPath.js';
import type { SyncPeer } from './SyncPeer.js';

/** What is chosen from. */
export interface ShownBranches {
  readonly node: ChainNode;
  readonly peers: readonly SyncPeer[];
  /** The way that is gone already; its headers are known to be sound. */
  readonly path: BranchPath | undefined;
}

/** What speaks against a peer's branch at the moment. */
export interface Doubts {
  /** The peer sends nothing and is left alone for a while. */
  readonly isResting: boolean;
  /** The branch can't be gone to. */
  readonly isHopeless: boolean;
}

/**
 * The header with the most work that a peer has shown, if that is more than the tip's. A branch that only a peer shows
 * that sends nothing must not hide those of others.
 */
export function bestShown(
  branches: ShownBranches,
  doubtsOf: (peer: SyncPeer) => Doubts,
): HeaderRecord | undefined {
  const possible = branches.peers.filter((peer) => !doubtsOf(peer).isHopeless);
  const able = possible.filter((peer) => !doubtsOf(peer).isResting);
  return bestOf(branches, able) ?? bestOf(branches, possible);
}

/** What turns out to stand on a block that breaks a rule is shown by nobody from then on. */
function bestOf(
  { node, path }: ShownBranches,
  peers: readonly SyncPeer[],
): HeaderRecord | undefined {
  const isKnown = (entry: HeaderRecord): boolean => path?.holds(entry) === true;
  for (;;) {
    let best: HeaderRecord | undefined;
    for (const { best: shown } of peers) {
      if (shown && shown.work > (best ?? node.store.tip()).work) best = shown;
    }
    if (!best || node.headers.isSound(best, isKnown)) return best;
    for (const peer of peers) if (peer.best === best) peer.best = undefined;
  }
}
