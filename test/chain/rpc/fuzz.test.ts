import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  encodeTransaction,
  type ParamHelp,
  RPC_CODE,
  RpcServer,
  registerChainMethods,
  transactionId,
} from '#src/chain/index.js';
import { answerBody } from '#src/chain/rpc/dispatch.js';
import { cases, timeLimit } from '../../long.js';
import {
  MINER,
  MINER_SCRIPT,
  OTHER,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
} from '../node/setup.js';

/** These end the node, mine for long, or wait: they have tests of their own. */
const LEFT_OUT = /^(stop|generate.*|waitfor.*|getblocktemplate|verifychain)$/;

let opened: Awaited<ReturnType<typeof openTemporaryNode>>;
let server: RpcServer;
/** Words that mean something to the methods, and some that nearly do. */
let words: unknown[] = [];
let names: string[] = [];

beforeAll(async () => {
  opened = await openTemporaryNode();
  const { node } = opened;
  await node.mine(103, MINER_SCRIPT);
  const payment = payFromMiner(node, [{ value: 10_000n, lockingScript: OTHER_SCRIPT }]);
  const txid = await node.submitTransaction(payment);
  server = new RpcServer({ auth: { user: 'u', password: 'p' } });
  registerChainMethods(server, node, { version: '1.2.3', stop: () => undefined });
  names = server.methods().map(([name]) => name);
  const { tip } = node;
  const coinbase = transactionId(node.store.block(node.store.tip().hash)!.transactions[0]!);
  const hex = toHex(encodeTransaction(payment));
  words = [
    ...[tip.hash, txid, coinbase, hex, hex.slice(2), MINER.address, OTHER.address, '00'.repeat(32)],
    ...[0, 1, -1, 2, 3, 103, 1.5, 0xffff_ffff, 2 ** 53, true, false, null, '', 'data', 'all'],
    ...[{ txid, vout: 0 }, { [OTHER.address]: 1 }, [], {}, [txid], [hex], { data: '00' }],
    ...[{ scripts: ['51'] }, { path: '/' }, { id: `${txid}i0` }, { owner: OTHER.address }, '/a'],
  ];
});
afterAll(() => opened.end());

interface Outcome {
  readonly status: number;
  readonly text: string;
}

async function answer(body: string): Promise<Outcome> {
  const find = (name: string) => (LEFT_OUT.test(name) ? undefined : server.method(name));
  const { status, body: pieces } = await answerBody(body, find, {
    signal: new AbortController().signal,
  });
  let text = '';
  for await (const piece of pieces ?? []) text += piece;
  return { status, text };
}

const NUMBERS = new Set<number>([...Object.values(RPC_CODE), -9, -10]);

/** Every answer is JSON with a result or a number of Bitcoin's, and never a fault of the node's own. */
function expectSound(body: string, { status, text }: Outcome): void {
  expect([200, 204, 400, 404, 500]).toContain(status);
  if (status === 204) {
    expect(text).toBe('');
    return;
  }
  const parsed = JSON.parse(text) as { error?: { code: number } } | { error?: { code: number } }[];
  for (const each of [parsed].flat()) {
    if (!each.error) continue;
    expect([body.slice(0, 500), each.error]).not.toEqual([
      body.slice(0, 500),
      expect.objectContaining({ code: RPC_CODE.internal }),
    ]);
    expect(NUMBERS).toContain(each.error.code);
  }
}

const word = fc.oneof(
  { weight: 6, arbitrary: fc.nat().map((n) => words[n % words.length]) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  {
    weight: 1,
    arbitrary: fc.array(
      fc.nat().map((n) => words[n % words.length]),
      { maxLength: 3 },
    ),
  },
);
const method = fc.nat().map((n) => names[n % names.length]);
const request = fc.record(
  {
    jsonrpc: fc.constantFrom('2.0', '1.0', 2, null),
    id: fc.oneof(fc.nat(), fc.string(), fc.jsonValue({ maxDepth: 2 })),
    method: fc.oneof({ weight: 8, arbitrary: method }, { weight: 1, arbitrary: fc.string() }),
    params: fc.oneof(
      { weight: 8, arbitrary: fc.array(word, { maxLength: 5 }) },
      {
        weight: 1,
        arbitrary: fc.dictionary(
          fc.constantFrom('txid', 'verbosity', 'blockhash', 'args', 'x'),
          word,
        ),
      },
      { weight: 1, arbitrary: fc.jsonValue() },
    ),
  },
  { requiredKeys: ['method'] },
);

/** A value of the type that a parameter takes, most often. */
function wordFor(param: ParamHelp): fc.Arbitrary<unknown> {
  const types = [param.type].flat();
  const fits = (each: unknown): boolean =>
    types.some((type) => type === 'any' || type === 'amount' || type === jsonType(each));
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc.nat().map((n) => {
        const fitting = words.filter(fits);
        return fitting[n % fitting.length];
      }),
    },
    { weight: 1, arbitrary: word },
  );
}

function jsonType(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

/** A call with as many arguments, of such types, as its method takes. */
const fitting = method.chain((name) => {
  const { params = [] } = server.method(name!)?.help ?? {};
  return fc
    .tuple(...params.map(wordFor))
    .chain((values) =>
      fc.nat({ max: values.length }).map((left) => values.slice(0, -left || undefined)),
    )
    .map((values) => ({ id: 1, method: name, params: values }));
});

const body = fc
  .oneof(
    { weight: 6, arbitrary: fitting },
    { weight: 2, arbitrary: request },
    { weight: 1, arbitrary: fc.array(request, { maxLength: 3 }) },
  )
  .map((value) => JSON.stringify(value));
const mutated = fc
  .tuple(
    body,
    fc.array(fc.tuple(fc.nat(), fc.string({ maxLength: 2 })), { minLength: 1, maxLength: 3 }),
  )
  .map(([text, changes]) =>
    changes.reduce((each, [at, piece]) => {
      const place = at % (each.length + 1);
      return each.slice(0, place) + piece + each.slice(place + 1);
    }, text),
  );

describe('the RPC handler', () => {
  it(
    'answers random and mutated bodies with JSON and a number, and never fails itself',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            { weight: 6, arbitrary: body },
            { weight: 3, arbitrary: mutated },
            { weight: 1, arbitrary: fc.string() },
          ),
          async (text) => {
            expectSound(text, await answer(text));
          },
        ),
        { numRuns: cases(20_000, 10_000_000) },
      );
    },
    timeLimit(240_000),
  );

  it('refuses bodies nested or filled beyond its bounds', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    for (const text of [
      deep,
      `{"id":${deep},"method":"uptime"}`,
      `{"id":1,"method":"uptime","params":${deep}}`,
      `{"id":1,"method":"uptime","params":[${'0,'.repeat(1_000_001)}0]}`,
      '{"a":'.repeat(100_000),
    ]) {
      const { status, text: answered } = await answer(text);
      expect([status, JSON.parse(answered).error.code]).toEqual([500, RPC_CODE.parse]);
    }
    const batch = JSON.stringify(Array.from({ length: 1_001 }, () => ({ method: 'uptime' })));
    expect((await answer(batch)).status).toBe(400);
  });
});
