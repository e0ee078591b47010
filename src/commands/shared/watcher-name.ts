import { BitmodelError, EXIT } from '../../base/index.js';
import { publicKeySchema } from '../../job/index.js';

/** Where letters to a watcher go: its key, and the peer id of its node, absent where that is one's own. */
export interface WatcherAddress {
  readonly publicKey: string;
  readonly node?: string;
}

/** A watcher as people pass it on: `KEY`, or `KEY@NODE`. */
export function watcherName({ publicKey, node }: WatcherAddress): string {
  return node === undefined ? publicKey : `${publicKey}@${node}`;
}

/** @throws BitmodelError `BAD_WATCHER` */
export function parseWatcher(text: string): WatcherAddress {
  const [publicKey = '', node, more] = text.trim().split('@');
  const isKey = publicKeySchema.safeParse(publicKey.toLowerCase()).success;
  const isNode = node === undefined || /^[1-9A-HJ-NP-Za-km-z]{20,80}$/.test(node);
  if (isKey && isNode && more === undefined) {
    return { publicKey: publicKey.toLowerCase(), ...(node === undefined ? {} : { node }) };
  }
  throw new BitmodelError('BAD_WATCHER', `"${text.slice(0, 160)}" names no watcher.`, {
    next: 'Give what `bitmodel watcher` prints: 66 hexadecimal digits and, where its node is another, @ and the id of that',
    exitCode: EXIT.usage,
  });
}
