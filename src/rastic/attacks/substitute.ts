import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attack } from './attack.js';
import { bypassLastLayer } from './variants/bypassLayers.js';

/** Answers with a model that does less work: the one paid for, with its last layer bypassed. */
export const substitute: Attack = {
  name: 'substitute',
  description: 'answers with a cheaper model: the one paid for, with its last layer bypassed',
  expects: 'the first token that the real model would not have given (continuity or integrity)',
  async run({ model, request, openVariant, onToken, signal }) {
    const graph = await readFile(join(model.info.dir, model.info.file));
    const cheaper = await openVariant(bypassLastLayer(graph));
    try {
      const generation = await cheaper.generate(request, { onToken, signal });
      // a token outside what the real model's top-k or top-p leave is named as such
      return { ...generation, expected: { kinds: ['continuity', 'integrity', 'sampling'] } };
    } finally {
      await cheaper.close();
    }
  },
};
