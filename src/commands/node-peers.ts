import type { Command } from 'commander';
import { RpcClient } from '../chain/index.js';
import { action } from './shared/action.js';
import { type BanInfo, bansText, type PeerInfo, peersText } from './shared/node-view.js';
import { takesOnly } from './shared/verb-options.js';

interface PeersOptions {
  readonly banned?: boolean;
}

const run = action<PeersOptions>(async (_args, { options, settings, terminal }) => {
  const rpc = RpcClient.forNode(settings);
  try {
    if (options.banned) {
      const bans = await rpc.call<BanInfo[]>('listbanned');
      const brief = bans.map(({ address }) => address).join('\n');
      terminal.result({ bans }, await bansText(bans), brief);
      return;
    }
    const peers = await rpc.call<PeerInfo[]>('getpeerinfo');
    const text = await peersText(peers, Date.now() / 1000);
    terminal.result({ peers }, text, peers.map(({ peer }) => peer).join('\n'));
  } finally {
    await rpc.close();
  }
});

/** `bitmodel node peers`. */
export function registerNodePeers(node: Command): void {
  takesOnly(node.command('peers'), node)
    .description('show the peers of the running node, or with --banned who may not connect')
    .option('--banned', 'show bans instead')
    .addHelpText('after', '\nExample:\n  $ bitmodel node peers\n  $ bitmodel node peers --banned')
    .action(run);
}
