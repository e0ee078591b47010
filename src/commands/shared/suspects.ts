import { BitmodelError, EXIT, toHex } from '../../base/index.js';
import { metaIdOf, networkParameters } from '../../chain/index.js';
import { type Suspect, suspectKeys, suspectsAmong } from '../../job/index.js';
import type { Settings } from './settings.js';
import { nodeClient } from './wallet.js';

/** A MetaID that nobody has. */
const NOBODY = '0'.repeat(64);

/** One line about why somebody is suspect. */
export function suspectText({ as, txid, height, jobId }: Suspect): string {
  const why = as === 'seller' ? 'its stake was slashed' : 'its bond was slashed';
  return `suspect: ${why} in block ${height} by ${txid} (job ${jobId.slice(0, 16)}…)`;
}

/** What a buyer is told where nobody can tell it which sellers were slashed; undefined where the node can. */
export async function suspectsUnknown(
  node: Parameters<typeof suspectsAmong>[0],
): Promise<string | undefined> {
  if (await suspectsAmong(node, [NOBODY])) return undefined;
  return 'This node can not know which sellers were slashed before: it does not read blocks. Ask a full node with --rpc.';
}

/** Those of some identities that were slashed; none where the node can't know. */
export async function suspectsShown(
  node: Parameters<typeof suspectsAmong>[0],
  who: readonly (string | undefined)[],
): Promise<ReadonlyMap<string, Suspect>> {
  // by MetaIDs: what holds or made a pin may be any script, and a node takes no text of one that is no address
  const asked = new Map(
    who.flatMap((each) => (each === undefined ? [] : [[each, asMetaId(each)]])),
  );
  if (asked.size === 0) return new Map();
  const found = await suspectsAmong(node, [...asked.values()]);
  return new Map(
    [...asked].flatMap(([each, metaId]) => {
      const suspect = found?.get(metaId);
      return suspect ? [[each, suspect] as const] : [];
    }),
  );
}

function asMetaId(who: string): string {
  return /^[0-9a-f]{64}$/i.test(who) ? who.toLowerCase() : toHex(metaIdOf(who));
}

/** Those of some keys, hex, that were slashed; none where no node answers, or it can't know. */
export async function suspectKeysIfThere(
  settings: Settings,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Suspect>> {
  if (keys.length === 0) return new Map();
  const node = nodeClient(settings);
  try {
    const found = await suspectKeys(node, keys, networkParameters(settings.network));
    return found ?? new Map();
  } catch (thrown) {
    // what was learnt here is shown without a node, too
    if (thrown instanceof BitmodelError && thrown.exitCode === EXIT.unreachable) return new Map();
    throw thrown;
  } finally {
    node.rpc.close();
  }
}

/** Lines to put below a list: why those in it that are suspect are; nothing where nobody is. */
export function suspectLines(suspects: ReadonlyMap<string, Suspect> | undefined): string {
  const lines = [...(suspects ?? [])].map(([who, suspect]) => `${who}: ${suspectText(suspect)}`);
  return lines.map((line) => `\n${line}`).join('');
}
