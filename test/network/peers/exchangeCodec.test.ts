import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openRecord } from '#src/network/host/records.js';
import { decodeRecords, encodeRecords, MAX_RECORDS } from '#src/network/peers/exchangeCodec.js';
import { cases } from '../../long.js';
import { Hosts } from '../host/hosts.js';

const record = fc.uint8Array({ minLength: 1, maxLength: 60 });

describe('records on the wire', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: MAX_RECORDS }), (records) => {
        expect(decodeRecords(encodeRecords(records), MAX_RECORDS)).toEqual(records);
      }),
    );
  });

  it('are no more and no larger than agreed', () => {
    const many = encodeRecords(Array<Uint8Array>(MAX_RECORDS + 1).fill(Uint8Array.of(1)));
    expect(() => decodeRecords(many, MAX_RECORDS)).toThrow(/a list of 101 is longer than 100/);
    expect(() => decodeRecords(encodeRecords([new Uint8Array(1_025)]), 1)).toThrow(/1025 bytes/);
    expect(() => decodeRecords(encodeRecords([new Uint8Array(0)]), 1)).toThrow(/0 bytes/);
    expect(() => decodeRecords(encodeRecords([new Uint8Array(9), new Uint8Array(9)]), 1)).toThrow();
  });

  it('of any bytes are records that encode to the same, or an error', () => {
    const mutated = fc
      .tuple(fc.array(record, { maxLength: 5 }), fc.nat(), fc.nat(255))
      .map(([records, at, byte]) => {
        const bytes = encodeRecords(records);
        bytes[at % bytes.length] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
        let records: Uint8Array[];
        try {
          records = decodeRecords(bytes, MAX_RECORDS);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BAD_ENCODING' });
          return;
        }
        expect(encodeRecords(records)).toEqual(bytes);
      }),
      { numRuns: cases(20_000, 5_000_000) },
    );
  });

  it('are signed or refused, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 1_100 }), async (bytes) => {
        await expect(openRecord(bytes)).rejects.toMatchObject({ code: 'BAD_RECORD' });
      }),
      { numRuns: cases(5_000, 1_000_000) },
    );
  });

  it('have room for eight addresses of the longest kind', async () => {
    const hosts = new Hosts();
    const host = await hosts.start('one', { listen: [] });
    const relayed = `/ip6/2001:db8:1111:2222:3333:4444:5555:6666/tcp/65535/p2p/${host.id}/p2p-circuit`;
    const addresses = Array.from({ length: 8 }, () => `${relayed}/p2p/${host.id}`);
    const sealed = await host.sealRecord(7, addresses);
    expect(await openRecord(sealed)).toEqual({
      peer: host.id,
      addresses: Array(8).fill(relayed),
      sequence: 7,
    });
    await hosts.close();
  });
});
