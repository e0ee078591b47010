import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, utf8 } from '#src/base/index.js';
import { type ContractSpend, publicKeyOf, signContract, signData } from '#src/chain/index.js';
import {
  type ChannelState,
  channelPaid,
  decodeChannel,
  encodeChannel,
  mustClose,
  openChannel,
  payChannel,
  takeUpdate,
} from '#src/job/channelState.js';
import { type ChannelTerms, channelMessage, channelScript } from '#src/job/contracts/channel.js';
import {
  type ChannelUpdate,
  channelCloseSpend,
  channelCloseUnlocking,
  channelOutput,
  channelRefundSpend,
  channelRefundUnlocking,
} from '#src/job/contracts/channelSpends.js';
import { cases } from '../../long.js';
import {
  answer,
  answerAtSecond,
  asSecondInput,
  fund,
  keyOf,
  outpointOf,
  spoiledOutputs,
} from './setup.js';
import { arbitraryTampering, isUnchanged, keepsFirstInput } from './tamper.js';

const CLIENT = keyOf('client');
const SELLER = keyOf('seller');
const terms: ChannelTerms = {
  genesis: keyOf('genesis'),
  client: publicKeyOf(CLIENT),
  seller: publicKeyOf(SELLER),
  expires: 500,
};
const coin = { outpoint: outpointOf('funding'), value: 100_000n };
const opened = openChannel(terms, coin.outpoint, channelOutput(terms, coin.value));

const updateOf = (amount: bigint, changes: Partial<ChannelTerms> = {}, at = coin.outpoint) => ({
  amount,
  signature: signData(channelMessage({ ...terms, ...changes }.genesis, at, amount), CLIENT),
});

const close = (
  update: ChannelUpdate,
  spend: ContractSpend = channelCloseSpend(terms, coin, update.amount),
  who = SELLER,
) => {
  const funded = fund(spend);
  return answer(funded, channelCloseUnlocking(update, signContract(funded, who)));
};

describe('close', () => {
  const latest = updateOf(64_000n);
  const honest = channelCloseSpend(terms, coin, 64_000n);

  it('returns to the client what it has not paid, and leaves the seller the rest', () => {
    expect(honest.outputs.map(({ value }) => value)).toEqual([36_000n]);
    expect(close(latest)).toMatchObject({ ok: true });
    const funded = fund(honest);
    const { length } = channelCloseUnlocking(latest, signContract(funded, SELLER));
    expect(length).toBeLessThanOrEqual(honest.inputs[0]!.unlockingSize);
  });

  it('works for every amount from nothing to all', () => {
    for (const amount of [0n, 1n, 127n, 128n, 65_535n, 99_999n, 100_000n]) {
      expect(close(updateOf(amount))).toMatchObject({ ok: true });
    }
    const rich = { ...coin, value: (1n << 62n) - 1n };
    for (const amount of [0x80n << 48n, rich.value]) {
      const spend = channelCloseSpend(terms, rich, amount);
      expect(close(updateOf(amount), spend)).toMatchObject({ ok: true });
    }
  });

  it('is the seller’s alone: an older payment can only be used by whom it would cost', () => {
    const older = updateOf(10n);
    expect(close(older)).toMatchObject({ ok: true });
    expect(close(older, undefined, CLIENT).ok).toBe(false);
    expect(close(older, undefined, keyOf('somebody')).ok).toBe(false);
  });

  it('refuses to pay more than the client signed, or to sign for it', () => {
    expect(close(latest, channelCloseSpend(terms, coin, 64_001n)).ok).toBe(false);
    const mine = { amount: 64_001n, signature: signData(utf8('pay me'), SELLER) };
    expect(close(mine).ok).toBe(false);
    expect(close({ ...latest, amount: 64_001n }).ok).toBe(false);
    expect(close({ ...latest, signature: new Uint8Array(0) }).ok).toBe(false);
  });

  it('refuses an update of another channel, output or chain', () => {
    expect(close(updateOf(64_000n, {}, outpointOf('other'))).ok).toBe(false);
    expect(close(updateOf(64_000n, {}, { ...coin.outpoint, index: 1 })).ok).toBe(false);
    expect(close(updateOf(64_000n, { genesis: keyOf('elsewhere') })).ok).toBe(false);
  });

  it('refuses an amount beyond what the channel holds', () => {
    expect(() => channelCloseSpend(terms, coin, 100_001n)).toThrow(
      expect.objectContaining({ code: 'BAD_UPDATE' }),
    );
    const beyond = updateOf(100_001n);
    expect(close(beyond, { ...honest, outputs: [{ ...honest.outputs[0]!, value: 0n }] }).ok).toBe(
      false,
    );
  });

  it.each(spoiledOutputs(honest))('refuses %s', (_, spoiled) => {
    expect(close(latest, spoiled).ok).toBe(false);
  });

  it('refuses any input but the first: two channels can’t share one output', () => {
    const funded = asSecondInput(fund(honest));
    const unlocking = channelCloseUnlocking(latest, signContract(fund(honest), SELLER));
    expect(answerAtSecond(funded, unlocking).ok).toBe(false);
  });

  it('holds against any change on its way', () => {
    const funded = fund(honest);
    const unlocking = channelCloseUnlocking(latest, signContract(funded, SELLER));
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(funded);
        const first = keepsFirstInput(after, funded);
        const { ok } = first ? answer(after, unlocking) : answerAtSecond(after, unlocking);
        expect(ok).toBe(isUnchanged(after, funded));
      }),
      { numRuns: 60 },
    );
  });

  it('fails for a stack that somebody made up', () => {
    const funded = fund(honest);
    const signature = signContract(funded, SELLER);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 80 }), (a, b) => {
        const update = { amount: 0n, signature: b };
        const made = channelCloseUnlocking(update, signature);
        expect(answer(funded, made).ok).toBe(false);
        expect(answer(funded, a).ok).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});

describe('refund', () => {
  const honest = channelRefundSpend(terms, coin);
  const refund = (spend: ContractSpend, who = CLIENT) => {
    const funded = fund(spend);
    return answer(funded, channelRefundUnlocking(signContract(funded, who)));
  };

  it('is the client’s from the expiry on, whatever it has signed', () => {
    expect(refund(honest)).toMatchObject({ ok: true });
    expect(refund({ ...honest, lockTime: 501 })).toMatchObject({ ok: true });
  });

  it('refuses to come a block early, and anybody else', () => {
    const early = refund({ ...honest, lockTime: 499 });
    expect(early).toMatchObject({ ok: false, error: 'unsatisfied-locktime' });
    const inputs = honest.inputs.map((input) => ({ ...input, sequence: 0xffff_ffff }));
    expect(refund({ ...honest, inputs }).ok).toBe(false);
    expect(refund(honest, SELLER).ok).toBe(false);
  });
});

describe('the two parties', () => {
  it('pay and take step by step; the seller closes with the last', () => {
    let client: ChannelState = opened;
    let seller: ChannelState = opened;
    for (const more of [1n, 20_000n, 500n]) {
      const paid = payChannel(client, more, CLIENT);
      client = decodeChannel(encodeChannel(paid));
      seller = decodeChannel(encodeChannel(takeUpdate(seller, paid.update)));
    }
    expect(channelPaid(seller)).toBe(20_501n);
    expect(seller).toEqual(client);
    expect(close(seller.update!)).toMatchObject({ ok: true });
  });

  it('come to the latest payment whatever is lost, late or repeated', () => {
    const updates: ChannelUpdate[] = [];
    let client: ChannelState = opened;
    for (let i = 0; i < 5; i++) {
      const paid = payChannel(client, 10n, CLIENT);
      updates.push(paid.update);
      client = paid;
    }
    const orders = fc.array(fc.constantFrom(...updates), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(orders, (arrived) => {
        const seller = arrived.reduce(takeUpdate, opened);
        const most = arrived.reduce((max, { amount }) => (amount > max ? amount : max), 0n);
        expect(channelPaid(seller)).toBe(most);
      }),
      { numRuns: 50 },
    );
  });

  it('refuse what is not the client’s word on this channel', () => {
    const bad = expect.objectContaining({ code: 'BAD_UPDATE' });
    const wrong = [
      { amount: 5n, signature: signData(utf8('5'), CLIENT) },
      { ...updateOf(5n), amount: 6n },
      updateOf(5n, {}, outpointOf('other')),
      updateOf(100_001n),
      { amount: -1n, signature: updateOf(1n).signature },
    ];
    for (const update of wrong) expect(() => takeUpdate(opened, update)).toThrow(bad);
    expect(() => payChannel(opened, 0n, CLIENT)).toThrow(bad);
  });

  it('stop at what the channel holds', () => {
    const empty = expect.objectContaining({ code: 'CHANNEL_EMPTY' });
    const paid = payChannel(opened, 100_000n, CLIENT);
    expect(() => payChannel(paid, 1n, CLIENT)).toThrow(empty);
  });

  it('close in time: before the client may take it all back', () => {
    const paid = payChannel(opened, 1n, CLIENT);
    expect(mustClose(paid, 469, 30)).toBe(false);
    expect(mustClose(paid, 470, 30)).toBe(true);
    expect(mustClose(opened, 470, 30)).toBe(false);
  });

  it('are not the same, and expire at a height', () => {
    const bad = expect.objectContaining({ code: 'BAD_TERMS' });
    for (const change of [
      { seller: terms.client },
      { client: new Uint8Array(33) },
      { genesis: new Uint8Array(3) },
      { expires: 500_000_000 },
      { expires: 0 },
    ]) {
      expect(() => channelScript({ ...terms, ...change })).toThrow(bad);
    }
  });

  it('read their state from bytes, and nothing else', () => {
    const good = encodeChannel(payChannel(opened, 7n, CLIENT));
    const runs = cases(20_000, 10_000_000);
    const mutated = fc
      .tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([index, flip]) => good.with(index, good[index]! ^ flip));
    const any = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(
        fc.oneof({ weight: 9, arbitrary: any }, { weight: 1, arbitrary: mutated }),
        (bytes) => {
          try {
            const state = decodeChannel(bytes);
            expect(decodeChannel(encodeChannel(state))).toEqual(state);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
          }
        },
      ),
      { numRuns: runs },
    );
  });
});
