import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { createKey, networkParameters, signData } from '#src/chain/index.js';
import { type AnyMessage, createMessage } from '#src/job/index.js';
import { listJobMessages, sendJobMessage } from '#src/job/pool/client.js';
import { Market, request } from './market.js';

const rogue = createKey(networkParameters('regtest'));

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** What a seller could say about a job, signed by one that was not chosen. */
function answersOf(jobId: string): AnyMessage[] {
  const bytes = new Uint8Array(101).fill(1);
  bytes.set(Buffer.from(jobId, 'hex'));
  const commitment = {
    commitment: toHex(bytes),
    signature: toHex(signData(bytes, rogue.privateKey)),
    ciphertext: 'c2VhbGVk',
  };
  const { privateKey } = rogue;
  return [
    createMessage('commitment', jobId, 0, commitment, privateKey),
    createMessage('withdraw', jobId, 0, { reason: 'no', cancel: '00'.repeat(71) }, privateKey),
    createMessage(
      'counterproof',
      jobId,
      0,
      { evidence: 'AAAA', keys: [{ verifier: toHex(rogue.publicKey), key: 'AAAA' }] },
      privateKey,
    ),
  ] as AnyMessage[];
}

async function listed(jobId: string): Promise<AnyMessage[]> {
  return (await listJobMessages(market.chain, { jobId })).messages as AnyMessage[];
}

describe('a seller who answers a job that is not its own', () => {
  it('is heard by nobody, and the job is settled by the one that was chosen', async () => {
    const seller = await market.worker();
    const client = market.newClient();
    const quote = await client.quote(request(market));
    const { id } = quote.record;
    client.on('event', ({ step }) => {
      if (step !== 'chosen' && step !== 'accepted') return;
      for (const answer of answersOf(id)) void sendJobMessage(market.chain, answer);
    });
    await client.submit(quote);
    const record = await client.follow(id, market.stop.signal);
    expect(record).toMatchObject({ outcome: 'settled', verdict: { result: 'valid' } });
    for (const answer of answersOf(id)) {
      expect((await sendJobMessage(market.chain, answer)).status).not.toBe('new');
    }
    const authors = (await listed(id)).map(({ author }) => author);
    expect(authors).toContain(toHex(seller.key.publicKey));
    expect(authors).not.toContain(toHex(rogue.publicKey));
  });

  it('gets nowhere with the messages of others, in another job or once more in theirs', async () => {
    await market.worker();
    const client = market.newClient();
    const first = await client.quote(request(market));
    await client.submit(first);
    await client.follow(first.record.id, market.stop.signal);
    const said = await listed(first.record.id);
    expect(said.map(({ type }) => type)).toContain('commitment');
    const second = await client.quote(request(market));
    await client.submit(second);
    for (const message of said) {
      const moved = { ...message, jobId: second.record.id };
      expect((await sendJobMessage(market.chain, moved)).status).toBe('refused');
      expect(await sendJobMessage(market.chain, message)).toEqual({ status: 'known' });
    }
    const record = await client.follow(second.record.id, market.stop.signal);
    expect(record.outcome).toBe('settled');
    expect(record.escrow!.txid).not.toBe(client.show(first.record.id).escrow!.txid);
  });
});
