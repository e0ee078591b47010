import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChainNode, decodeBlockParts } from 'bitmodel/chain';
import { serve } from './child.js';

// A node with its store on disk. Each block comes as bytes, as from a peer.
serve(async () => {
  const datadir = mkdtempSync(join(tmpdir(), 'bitmodel-bench-'));
  const node = await ChainNode.open({ datadir, network: 'regtest' });
  return {
    connect: (bytes) => {
      const parts = decodeBlockParts(bytes);
      return node.submitBlock(parts.block, parts);
    },
    height: () => node.tip.height,
    close: async () => {
      await node.close();
      rmSync(datadir, { recursive: true });
    },
  };
});
