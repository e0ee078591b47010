import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, Place, type Running } from './harness.js';

interface Bonds {
  readonly verifiers: readonly { readonly publicKey: string; readonly value: string }[];
}

const errorOf = ({ stderr }: Finished): string =>
  (JSON.parse(stderr.trim().split('\n').at(-1)!) as { error: { code: string } }).error.code;

describe('a verifier’s bond', () => {
  const place = new Place();
  const key = ['--key', 'judge', '--passphrase-file', place.passphraseFile];
  let node: Running;
  let address: string;

  beforeAll(async () => {
    node = await place.startNode('--block-time', '3600');
    await place.ok(['keygen', '--name', 'judge', '--passphrase-file', place.passphraseFile]);
    address = await place.ok(['wallet', 'address', '--key', 'judge', '-q']);
    await place.ok(['wallet', 'faucet', '5', '--key', 'judge']);
  });
  afterAll(async () => {
    await node.stop();
    place.close();
  });

  it('puts it among the bonded from the block that holds it on', async () => {
    const low = await place.run(['verifier', 'bond', '0.5', ...key, '--json']);
    expect([low.code, errorOf(low)]).toEqual([2, 'BAD_BOND']);
    const bonded = await place.json(['verifier', 'bond', '2', ...key]);
    await place.ok(['rpc', 'generatetoaddress', '1', address, '-q']);
    const { verifiers } = await place.json<Bonds>(['verifier', 'bonds']);
    expect(verifiers).toMatchObject([{ publicKey: bonded.publicKey, value: '2.00000000' }]);
  });

  it('leaves, and is not released before its exit is over', async () => {
    const left = await place.json(['verifier', 'leave', ...key]);
    expect(left.moved).toMatchObject([{ value: '2.00000000' }]);
    const early = await place.run(['verifier', 'release', ...key, '--json']);
    expect([early.code, errorOf(early)]).toEqual([1, 'BOND_LEAVING']);
  });
});
