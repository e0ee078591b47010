import { BitmodelError, messageOf } from '../../base/index.js';
import type { ChainNode } from '../node/ChainNode.js';
import { endsStore } from '../store/damage.js';

/**
 * Hands in a block that the node made itself. One that is refused, since the clock was set back, say, is noted as a
 * warning: whoever mines goes on with new work.
 * @throws what the store can't go on after
 */
export async function surviveRefusal(
  node: ChainNode,
  submit: () => Promise<unknown>,
): Promise<void> {
  try {
    await submit();
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || endsStore(thrown)) throw thrown;
    node.emit('warning', `A block that this node mined was refused: ${messageOf(thrown)}`);
  }
}
