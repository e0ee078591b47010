import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChainNode, decodeBlock } from 'bitmodel/chain';
import { serve } from './child.js';

// A node with its store on disk. Each block comes as bytes, as from a peer.
serve(async () => {
  const datadir = mkdtempSync(join(tmpdir(), 'bitmodel-bench-'));
  const node = await ChainNode.open({ datadir, network: 'regtest' });
  return {
    connect: (bytes) => node.submitBlock(decodeBlock(bytes)),
    height: () => node.tip.height,
    close: async () => {
      await node.close();
      rmSync(datadir, { recursive: true });
    },
  };
});
