import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inlineWeights } from '../../model/index.js';
import {
  type Attack,
  type AttackContext,
  type AttackModel,
  type ExpectedVerdict,
  FALSE_TOKENS,
} from './attack.js';
import { positionsOffByOne } from './variants/changedCache.js';
import { GRAPH_VARIANTS, type GraphVariantName } from './variants/table.js';
import type { GraphVariant } from './variants/variant.js';

/** Variants of the model last used, so that a table of attacks makes each once; graphs may be large, so no more are kept. */
let kept: { dir: string; file: string; made: Map<GraphVariant, Uint8Array> } | undefined;

/** The graph of the bundle's model, changed. */
async function changedGraph({ model }: AttackContext, variant: GraphVariant): Promise<Uint8Array> {
  const { dir, file } = model.info;
  if (kept?.dir !== dir || kept.file !== file) kept = { dir, file, made: new Map() };
  const known = kept.made.get(variant);
  if (known !== undefined) return known;
  const path = join(dir, file);
  const graph = variant(inlineWeights(await readFile(path), dirname(path)));
  if (graph.length <= MOST_KEPT && kept.made.size < MOST_GRAPHS) kept.made.set(variant, graph);
  return graph;
}

/** Bytes of a graph that is kept for the next run. */
export const MOST_KEPT = 32 << 20;
/** Graphs that are kept: each variant, and room for a few more. */
const MOST_GRAPHS = 16;
/** Lengths of prompts for which a graph is kept. */
const MOST_LENGTHS = 4;

/** Runs with another model made of the bundle's weights. */
export async function withVariant<Result>(
  context: AttackContext,
  variant: GraphVariant,
  use: (model: AttackModel) => Promise<Result>,
): Promise<Result> {
  const other = await context.openVariant(await changedGraph(context, variant));
  try {
    return await use(other);
  } finally {
    await other.close();
  }
}

const EXPECTS = 'the first token that the real model would not have given';

/** A model whose logits lie so near that the few tokens which differ may each lie within the tolerance. */
const NEAR: ExpectedVerdict = { ...FALSE_TOKENS, valid: true };

/** An answer of another model than the one paid for. */
function otherModel(
  about: Pick<Attack, 'name' | 'description' | 'gains'>,
  variantOf: (context: AttackContext) => GraphVariant,
  expected = FALSE_TOKENS,
): Attack {
  return {
    ...about,
    expects: expected.valid ? `${EXPECTS}, beyond the tolerance` : EXPECTS,
    async run(context) {
      const { request, onToken, signal } = context;
      const made = await withVariant(context, variantOf(context), (other) =>
        other.generate(request, { onToken, signal }),
      );
      return { ...made, expected };
    },
  };
}

const fixed = (
  name: string,
  variant: GraphVariantName,
  description: string,
  gains: string,
  expected?: ExpectedVerdict,
): Attack => otherModel({ name, description, gains }, () => GRAPH_VARIANTS[variant], expected);

const offByOne = new Map<number, GraphVariant>();

/** The same function for the same length, so that its graph is found again. */
function offByOneAfter(length: number): GraphVariant {
  const variant = offByOne.get(length) ?? positionsOffByOne(length);
  if (offByOne.size < MOST_LENGTHS) offByOne.set(length, variant);
  return variant;
}

/** Answers of other models, or of the right one run wrongly. */
export const MODEL_ATTACKS: readonly Attack[] = [
  fixed(
    'substitute',
    'fewer-layers',
    'answers with a cheaper model: the one paid for, with its last layer bypassed',
    'the work of one layer',
  ),
  fixed(
    'half-the-layers',
    'half-the-layers',
    'answers with every second layer bypassed',
    'half of the work',
  ),
  fixed(
    'int8',
    'int8',
    'answers with the weights in 8 bits',
    'memory, and time where it bounds',
    NEAR,
  ),
  fixed(
    'int8-activations',
    'int8-activations',
    'answers with weights and activations in 8 bits, in blocks',
    'memory and work',
    NEAR,
  ),
  fixed(
    'int8-dynamic',
    'int8-dynamic',
    'answers with weights and activations in 8 bits, as dynamic quantisation makes them',
    'memory and work',
    NEAR,
  ),
  fixed('int4', 'int4', 'answers with the weights in 4 bits', 'an eighth of the memory', NEAR),
  fixed('fp16', 'fp16', 'answers with the weights rounded to 16 bits', 'half of the memory', NEAR),
  fixed(
    'fine-tuned',
    'fine-tuned',
    'answers with weights that were trained on a little (noise of 5 %)',
    'a model of its own under a known name',
    NEAR,
  ),
  fixed(
    'earlier-version',
    'earlier-version',
    'answers with an earlier version of the model (noise of 15 %)',
    'no second download',
  ),
  fixed(
    'locked-weights',
    'locked-weights',
    'runs a protected bundle without unlocking it, so that its weights are shifted',
    'no share for those who hold the keys',
  ),
  fixed(
    'int8-cache',
    'int8-cache',
    'keeps keys and values in 8 bits',
    'three quarters of the cache',
    NEAR,
  ),
  otherModel(
    {
      name: 'position-off-by-one',
      description: 'counts positions of the answer one too far',
      gains: 'nothing but a bug of a server',
    },
    ({ request }) => offByOneAfter(request.promptIds.length),
    NEAR,
  ),
];
