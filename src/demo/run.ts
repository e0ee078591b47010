import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BitmodelError, COIN, EXIT, toHex } from '../base/index.js';
import {
  type ClientRecord,
  JobClient,
  type JobModel,
  JobVerifier,
  JobWorker,
  jobModel,
} from '../job/index.js';
import { LanguageModel, type Sampling } from '../model/index.js';
import { type Attack, NO_ROOM, sellableAttack } from '../rastic/index.js';
import { settleSplits } from '../reward/index.js';
import { type Cast, DemoMarket, type Person } from './DemoMarket.js';
import type { DemoEvent, DemoResult } from './events.js';
import { type PublishedModel, packBundle, publishAll } from './sources.js';
import { Watch } from './Watch.js';

/** How the demo runs, and who is told. */
export interface DemoOptions {
  readonly prompt: string;
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** A cheating seller, by name; an honest one unless stated. */
  readonly cheat?: string | undefined;
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
  readonly onEvent: (event: DemoEvent) => void;
}

const PRICE_PER_TOKEN = 1_000_000n;
const VERIFIERS = 3;
const VERIFIER_FEE = 1_000_000n;
/** Milliseconds between two looks: everybody is in one process, so looking costs next to nothing. */
const INTERVAL = 40;
/** The bundled model, as it lies in the package. */
const FIXTURE = fileURLToPath(new URL('../../fixtures/bitmodel-tiny', import.meta.url));

/**
 * Runs the main job on a chain of its own in a temporary folder (DESIGN 5.2 from the first step to the last), honestly or
 * with a cheating seller. Nothing is left behind.
 * @throws BitmodelError what any step throws; AbortError when the signal aborts
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const attack = options.cheat === undefined ? undefined : playable(options.cheat, options);
  const folder = mkdtempSync(join(tmpdir(), 'bitmodel-demo-'));
  const started = performance.now();
  const cleanUp = (): void => rmSync(folder, { recursive: true, force: true });
  // a reader that closes the pipe ends the process at once
  process.once('exit', cleanUp);
  const market = await DemoMarket.open(folder).catch((thrown: unknown) => {
    cleanUp();
    throw thrown;
  });
  const models: JobModel[] = [];
  try {
    const cast = await prepare(market, options);
    const bundleFolder = join(folder, 'model');
    cpSync(FIXTURE, bundleFolder, { recursive: true });
    const published = await publish(cast, bundleFolder, folder, options);
    const threads = options.threads === undefined ? {} : { threads: options.threads };
    // the seller's machine has a session of its own; buyer and verifiers, who check, share another
    for (let i = 0; i < 2; i++) {
      const model = await LanguageModel.open(bundleFolder, threads);
      models.push(jobModel(published.bundle.id, model));
    }
    const story = await playJob(cast, models[0]!, models[1]!, attack, options);
    return await finish(cast, published, story, attack, options, started);
  } finally {
    for (const { model } of models) await model.close();
    await market.close();
    cleanUp();
    process.off('exit', cleanUp);
  }
}

/** The cheat, where the demo's one job leaves it room. */
function playable(name: string, { sampling }: DemoOptions): Attack {
  const attack = sellableAttack(name);
  const needs = attack.needs ?? [];
  const isGreedy = sampling.temperatureMilli === 0;
  const why = needs.includes('stop')
    ? 'the demo asks for no stop text'
    : needs.includes('sampled') && isGreedy
      ? 'nothing is drawn at temperature 0'
      : undefined;
  if (why === undefined) return attack;
  throw new BitmodelError(NO_ROOM, `There is no room for ${name}: ${why}.`, {
    next:
      isGreedy && !needs.includes('stop')
        ? 'Pass --temperature 0.8'
        : `See: bitmodel rastic attack ${name}`,
    exitCode: EXIT.usage,
  });
}

async function prepare(market: DemoMarket, { onEvent }: DemoOptions): Promise<Cast> {
  const [buyer, seller, author] = ['buyer', 'seller', 'author'].map((name) => market.person(name));
  const verifiers = Array.from({ length: VERIFIERS }, (_, i) => market.person(`verifier ${i + 1}`));
  const cast = { market, buyer: buyer!, seller: seller!, author: author!, verifiers };
  const people = [cast.buyer, cast.seller, cast.author, ...verifiers];
  onEvent({
    type: 'keys',
    people: people.map(({ name, key }) => ({ name, address: key.address })),
  });
  onEvent({ type: 'chain', height: market.height });
  const gifts = [
    { to: cast.buyer, amount: 5n * COIN },
    { to: cast.seller, amount: 5n * COIN },
    { to: cast.author, amount: COIN / 10n },
    ...verifiers.map((to) => ({ to, amount: COIN / 100n })),
  ];
  await market.fund(gifts);
  onEvent({ type: 'funded', gifts: gifts.map(({ to, amount }) => ({ name: to.name, amount })) });
  return cast;
}

async function publish(
  { market, author }: Cast,
  bundleFolder: string,
  folder: string,
  { onEvent }: DemoOptions,
): Promise<PublishedModel> {
  const bundle = await packBundle(bundleFolder);
  const { id, name, size, files } = bundle;
  onEvent({ type: 'packed', id, name, size, files: files.length });
  const published = await publishAll(market, author, bundle, join(folder, 'sources'));
  const names = new Map(
    published.contributors.map(({ declaration }) => [declaration.id, declaration.name]),
  );
  onEvent({
    type: 'published',
    txid: published.txid,
    feePpm: published.model.feePpm,
    fees: published.fees,
    sources: published.contributors.map(({ declaration }) => ({
      name: declaration.name,
      kind: declaration.kind,
      parents: declaration.parents.map(({ id: parent, ppm }) => ({
        name: names.get(parent)!,
        ppm,
      })),
    })),
  });
  return published;
}

/** What the job came to. */
interface Story {
  readonly record: ClientRecord;
  readonly before: ReadonlyMap<Person, bigint>;
  readonly generateSeconds: number;
  readonly sellerText: string;
}

async function playJob(
  cast: Cast,
  sellers: JobModel,
  others: JobModel,
  attack: Attack | undefined,
  options: DemoOptions,
): Promise<Story> {
  const { market, buyer, seller, verifiers } = cast;
  const before = new Map<Person, bigint>();
  for (const person of [buyer, seller, ...verifiers]) {
    before.set(person, await market.balance(person));
  }
  const party = (person: Person, models: readonly JobModel[]) => ({
    chain: market.chain,
    params: market.params,
    wallet: person.wallet,
    key: person.key,
    directory: person.directory,
    models,
    interval: INTERVAL,
  });
  const client = new JobClient(party(buyer, [others]));
  const worker = new JobWorker({
    ...party(seller, [sellers]),
    price: PRICE_PER_TOKEN,
    acceptVerifiers: verifiers.map(({ key }) => toHex(key.publicKey)),
    ...(attack === undefined ? {} : { dishonesty: attack }),
  });
  const judges = verifiers.map(
    (person) => new JobVerifier({ ...party(person, [others]), fee: VERIFIER_FEE }),
  );
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, options.signal]);
  const watch = new Watch(cast, options.onEvent, (thrown) => stop.abort(thrown));
  client.on('event', (event) => watch.hear(event, buyer));
  worker.on('event', (event) => watch.hear(event, seller));
  judges.forEach((judge, i) => void judge.on('event', (event) => watch.hear(event, verifiers[i]!)));
  const running = [worker, ...judges].map((participant) => participant.run(signal));
  try {
    await watch.allReady(judges.length, signal);
    const quote = await client.quote({
      model: others.id,
      promptIds: others.model.tokenizer.encode(options.prompt),
      sampling: options.sampling,
      maxTokens: options.maxTokens,
      pricePerToken: PRICE_PER_TOKEN,
      verifiers: verifiers.map(({ key }) => toHex(key.publicKey)),
      verifierFee: VERIFIER_FEE,
    });
    const { id } = await client.submit(quote);
    const record = await client.follow(id, signal);
    // a seller who kept the rules gets the stake back when the dispute window has passed
    if (record.outcome === 'settled') {
      await market.mineTo(market.height + market.params.disputeWindow);
    }
    await watch.closed(signal);
    return { record, before, generateSeconds: watch.generateSeconds, sellerText: watch.text };
  } finally {
    stop.abort();
    await Promise.allSettled(running);
  }
}

async function finish(
  cast: Cast,
  published: PublishedModel,
  { record, before, generateSeconds, sellerText }: Story,
  attack: Attack | undefined,
  options: DemoOptions,
  started: number,
): Promise<DemoResult> {
  const { market } = cast;
  const shares = await payContributors(cast, published, options);
  await market.mine(1);
  const balances = [];
  for (const [person, had] of before) {
    balances.push({ name: person.name, before: had, after: await market.balance(person) });
  }
  const { verdict } = record;
  if (!verdict) {
    const why = record.why === undefined ? '' : ` (${record.why})`;
    throw new BitmodelError(
      'NO_VERDICT',
      `The job ended without a verdict: ${record.outcome}${why}.`,
      { next: 'Try more tokens, another prompt or another cheat' },
    );
  }
  const invalid = verdict.result === 'invalid' ? verdict : undefined;
  // an honest seller is settled with, and so is one who only does what is allowed
  const due = attack === undefined || attack.allowed ? 'settled' : 'slashed';
  return {
    ok: record.outcome === due,
    cheat: options.cheat,
    prompt: options.prompt,
    model: published.bundle.id,
    jobId: record.id,
    outcome: record.outcome ?? 'open',
    text: record.answer?.text ?? sellerText,
    tokens: record.answer?.outputIds.length ?? 0,
    verdict: verdict.result,
    kind: invalid?.kind,
    position: invalid?.position,
    positionsChecked: record.positions ?? 0,
    generateSeconds,
    verifySeconds: record.seconds ?? 0,
    balances,
    shares,
    height: market.height,
    seconds: (performance.now() - started) / 1000,
  };
}

/**
 * Pushes what the claim paid to the model through the split contracts to the people behind it.
 * @returns what reached each of them
 */
async function payContributors(
  { market }: Cast,
  { contributors, model }: PublishedModel,
  { onEvent, signal }: DemoOptions,
): Promise<{ name: string; amount: bigint }[]> {
  const names = new Map(contributors.map(({ declaration: { id, name } }) => [id, name]));
  const reached = new Map(contributors.map(({ declaration: { id } }) => [id, 0n]));
  const { chain, miner } = market;
  // a single short job brings some of them less than is worth a fee
  const options = { ids: [model.id], minimum: 1n, ...(signal && { signal }) };
  const { settled } = await settleSplits(chain, miner.wallet, options);
  for (const paid of settled) {
    for (const { id, to, amount } of paid.shares) {
      if (to === 'address') reached.set(id, reached.get(id)! + amount);
    }
    const shares = paid.shares.map(({ id, to, amount }) => ({ name: names.get(id)!, to, amount }));
    onEvent({ type: 'settled', txid: paid.txid, name: paid.name, amount: paid.amount, shares });
  }
  return [...reached].map(([id, amount]) => ({ name: names.get(id)!, amount }));
}
