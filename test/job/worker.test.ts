import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  type ChainClient,
  formatOutpoint,
  hash160,
  networkParameters,
  p2pkhScript,
  type RpcClient,
  Wallet,
} from '#src/chain/index.js';
import { claimDepth } from '#src/job/agreement.js';
import { calibrationName, calibrationWarning, NO_CALIBRATION } from '#src/job/jobModel.js';
import { createMessage } from '#src/job/messages.js';
import { sendJobMessage } from '#src/job/pool/client.js';
import { type JobSpec, jobIdHex } from '#src/job/spec.js';
import { type Attack, attackNamed } from '#src/rastic/index.js';
import { declareModel, publishModel } from '#src/reward/index.js';
import { until } from '../until.js';
import { COIN, Market, request } from './market.js';

const params = networkParameters('regtest');
let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** The market's own node, with some of its methods seen through a seller's bad luck. */
type Changes = Omit<Partial<ChainClient>, 'rpc'> & {
  readonly rpc?: Pick<RpcClient, 'call' | 'callText'>;
};

function nodeWith(changed: Changes): ChainClient {
  return new Proxy(market.chain, {
    get(chain, name) {
      const value = Reflect.get({ ...changed }, name) ?? Reflect.get(chain, name);
      return typeof value === 'function' ? value.bind(chain) : value;
    },
  });
}

async function order(lifetime: number): Promise<string> {
  const quote = await market.client.quote({ ...request(market), lifetime });
  await market.client.submit(quote);
  return quote.record.id;
}

describe('a buyer without the calibration that a model was published with', () => {
  it('is told where it comes from, and nobody else is told anything', async () => {
    const { chain, model } = market;
    const without = { ...model, calibration: undefined };
    expect(await calibrationWarning(chain, without)).toBeUndefined();
    const key = await market.funded(1n);
    const wallet = new Wallet({ client: chain, keys: [key], params });
    const declared = await declareModel(chain, {
      id: model.id,
      name: 'tiny',
      licence: 'MIT',
      size: 5,
      feePpm: 0,
      owner: p2pkhScript(hash160(key.publicKey)),
      parents: [],
      calibrations: [{ file: model.model.info.file, hash: calibrationName(model) }],
    });
    await publishModel(wallet, declared);
    await market.mine(1);
    expect(await calibrationWarning(chain, model)).toBeUndefined();
    const next = `bitmodel model pull ${model.id}`;
    expect(await calibrationWarning(chain, without)).toContain(next);
    const [pair] = model.calibration!.pairs;
    const other = { ...model.calibration!, pairs: [{ ...pair!, tauMicro: 1007 }] };
    const warning = await calibrationWarning(chain, { ...model, calibration: other });
    expect(warning).toContain('another calibration');
    expect(warning).toContain(next);
  });
});

/** A pool that takes no answers until it is told to. */
function closedPool() {
  const state = { isOpen: false, refusals: 0 };
  const chain = nodeWith({
    rpc: {
      callText: (method, ...params) => market.chain.rpc.callText(method, ...params),
      call: async <T>(method: string, ...params: unknown[]): Promise<T> => {
        const isAnswer = (params[0] as { type?: string } | undefined)?.type === 'commitment';
        if (method !== 'sendjobmessage' || !isAnswer || state.isOpen) {
          return market.chain.rpc.call<T>(method, ...params);
        }
        state.refusals++;
        return { status: 'refused', reason: 'the pool is full' } as T;
      },
    },
  });
  return { chain, state };
}

describe('a seller whose answer the job pool refuses', () => {
  it('claims only once the pool has taken it', async () => {
    const { chain, state } = closedPool();
    await market.worker({ chain });
    const id = await order(30);
    const following = market.client.follow(id, market.stop.signal);
    await until(() => state.refusals > 4);
    expect(market.steps('worker', id)).not.toContain('claimed');
    state.isOpen = true;
    expect(await following).toMatchObject({ outcome: 'settled', verdict: { result: 'valid' } });
  });

  it('withdraws when it is too late to claim, and never claims', async () => {
    const { chain } = closedPool();
    const { key } = await market.worker({ chain });
    const id = await order(12);
    const record = await market.client.follow(id, market.stop.signal);
    expect(record.outcome).toBe('cancelled');
    expect(market.steps('worker', id)).not.toContain('claimed');
    expect(await market.balance(key)).toBe(10n * COIN);
  });
});

describe('a seller whose work took too long', () => {
  it('does not claim by the height at which it began', async () => {
    const quote = await market.client.quote({ ...request(market), lifetime: 12 });
    const { id, job } = quote.record;
    const cheat = attackNamed('truncate');
    const dishonesty: Attack = {
      ...cheat,
      run: async (input) => {
        await market.mineTo(job.expires - 1);
        return cheat.run(input);
      },
    };
    await market.worker({ dishonesty });
    await market.client.submit(quote);
    const record = await market.client.follow(id, market.stop.signal);
    expect(record.outcome).toBe('cancelled');
    expect(market.steps('worker', id)).not.toContain('claimed');
  });
});

describe('a seller whose claim got lost', () => {
  it('signs no cancel any more, and sends the claim again even past the margin', async () => {
    const state = { lostUntil: Number.POSITIVE_INFINITY, losses: 0 };
    const chain = nodeWith({
      send: async (transaction) => {
        const isLost = (await market.chain.height()) < state.lostUntil;
        if (transaction.outputs.length < 3 || !isLost) return market.chain.send(transaction);
        state.losses++;
        return 'lost';
      },
    });
    await market.worker({ chain });
    const quote = await market.client.quote({ ...request(market), lifetime: 12 });
    const { id } = quote.record;
    // inside the margin of two blocks, but before the refund
    state.lostUntil = quote.record.job.expires - 1;
    await market.client.submit(quote);
    expect((await market.client.follow(id, market.stop.signal)).outcome).toBe('settled');
    expect(state.losses).toBeGreaterThan(1);
    expect(market.steps('worker', id)).not.toContain('withdrawn');
  });
});

describe('a seller that can not answer', () => {
  async function outcomeOf(quote: Awaited<ReturnType<typeof market.client.quote>>) {
    await market.client.submit(quote);
    const record = await market.client.follow(quote.record.id, market.stop.signal);
    const steps = market.steps('worker', quote.record.id);
    return { outcome: record.outcome, steps };
  }
  const reasons = (id: string) =>
    market.events.filter((event) => event.jobId === id && event.step === 'withdrawn');

  it('withdraws once from a prompt with tokens outside the vocabulary, without a try', async () => {
    await market.worker();
    const promptIds = [5, 4_000_000_000, 7];
    const quote = await market.client.quote({ ...request(market), promptIds, lifetime: 20 });
    const { outcome, steps } = await outcomeOf(quote);
    expect(outcome).toBe('cancelled');
    expect(steps).not.toContain('started');
    const told = reasons(quote.record.id).filter(({ role }) => role === 'worker');
    expect(told.map(({ detail }) => detail)).toEqual([
      "the prompt has tokens outside the model's vocabulary",
    ]);
  });

  it('withdraws after three tries that end in an error', async () => {
    const dishonesty = {
      ...attackNamed('truncate'),
      run: () => Promise.reject(new Error('broken')),
    };
    await market.worker({ dishonesty });
    const quote = await market.client.quote({ ...request(market), lifetime: 20 });
    const { outcome, steps } = await outcomeOf(quote);
    expect(outcome).toBe('cancelled');
    expect(steps.filter((step) => step === 'started')).toHaveLength(3);
    expect(steps.filter((step) => step === 'withdrawn')).toHaveLength(1);
  });
});

/** A job as a stranger announces it, with a coin of its own behind it. */
async function announced(changes: Partial<JobSpec>): Promise<string> {
  const quote = await market.client.quote(request(market));
  const key = await market.funded(1n);
  const wallet = new Wallet({ client: market.chain, keys: [key], params: params });
  const coin = formatOutpoint((await wallet.utxos())[0]!.outpoint);
  const job = { ...quote.record.job, client: toHex(key.publicKey), coin, ...changes };
  const id = jobIdHex(job);
  const message = createMessage('announce', id, 0, { job }, key.privateKey);
  expect(await sendJobMessage(market.chain, message)).toEqual({ status: 'new' });
  return id;
}

describe('what a seller offers on', () => {
  it('is no job without the calibration that the seller has', async () => {
    const naming = await announced({});
    const bare = await announced({ calibration: NO_CALIBRATION });
    const { worker } = await market.worker();
    await market.until('worker', 'offered', naming);
    await market.mine(1);
    expect(worker.open().map(({ id }) => id)).not.toContain(bare);
    expect(market.steps('worker', bare)).toEqual([]);
  });

  it('is said once for each model when jobs pass by for their calibration', async () => {
    const told = () =>
      market.problems().filter(({ detail }) => detail?.includes('no offer is made on such jobs'));
    const before = told().length;
    await announced({ calibration: NO_CALIBRATION });
    await announced({ calibration: 'ab'.repeat(32) });
    const naming = await announced({});
    await market.worker();
    await market.until('worker', 'offered', naming);
    await until(() => told().length > before);
    await market.mine(1);
    expect(told().length).toBe(before + 1);
    expect(told().at(-1)!.detail).toContain(`bitmodel model pull ${market.model.id}`);
  });

  it('is still an honest job when strangers announced ones with the whole of its coins as stake', async () => {
    const stranger = await announced({ stake: '9.99950000' });
    const { worker } = await market.worker({ maxStake: 10n * COIN });
    await market.until('worker', 'offered', stranger);
    const id = await order(20);
    const record = await market.client.follow(id, market.stop.signal);
    expect(record.outcome).toBe('settled');
    await market.mine(params.offerBlocks + 2);
    await until(() => !worker.open().some((open) => open.id === stranger));
  });
});

describe('the depth at which a seller claims', () => {
  const main = networkParameters('main');

  it("is the network's rule unless both the buyer and the seller agree to less", () => {
    expect(claimDepth(params)).toBe(1);
    expect(claimDepth(main)).toBe(6);
    expect(claimDepth(main, 1)).toBe(6);
    expect(claimDepth(main, 100)).toBe(6);
    expect(claimDepth(main, 1, 3)).toBe(3);
    expect(claimDepth(main, 4, 3)).toBe(4);
    expect(claimDepth(main, undefined, 3)).toBe(6);
  });

  it("is never below the seller's own minimum, nor below one", () => {
    expect(claimDepth(params, 1, 3)).toBe(3);
    expect(claimDepth(main, 1, 0)).toBe(1);
  });
});
