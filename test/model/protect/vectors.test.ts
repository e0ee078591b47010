import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getPublicKey } from '@noble/secp256k1';
import { afterAll, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import {
  openShareOf,
  parseShare,
  readProtection,
  shareText,
  unlockModel,
} from '#src/model/index.js';
import { openPositions, sealPositions } from '#src/model/protect/keys.js';
import { decodeMoves, encodeMoves } from '#src/model/protect/moves.js';

interface Vector {
  readonly contributorKey: string;
  readonly platformKey: string;
  readonly shares: readonly string[];
  readonly plain: string;
}

const FIXTURE = 'fixtures/protect';
const vector = JSON.parse(readFileSync(join(FIXTURE, 'shares.json'), 'utf8')) as Vector;
const dir = mkdtempSync(join(tmpdir(), 'bitmodel-vectors-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('a model that was protected once opens for ever: shares, description and sealed files', async () => {
  const protection = readProtection(join(FIXTURE, 'full'));
  const opened = [vector.contributorKey, vector.platformKey].map((key) => {
    const secret = fromHex(key);
    return openShareOf(protection, secret, toHex(getPublicKey(secret, true)));
  });
  expect(opened.map(shareText)).toEqual(vector.shares);
  const { id } = await unlockModel(
    join(FIXTURE, 'full'),
    join(dir, 'clear'),
    vector.shares.map(parseShare),
  );
  expect(id).toBe(vector.plain);
  const text = readFileSync(join(dir, 'clear/model.bin'), 'utf8');
  expect(text).toBe('weights that nobody may read\n');
});

it('positions are these bytes, encrypted and in the clear', () => {
  const moves = {
    total: 1000,
    taken: Float64Array.of(3, 400),
    placed: Float64Array.of(0, 999),
    order: Uint32Array.of(1, 0),
  };
  const clear = 'e8030000000000000200000000000000038c0300e6070100000000000000';
  const sealed =
    '0ebe66ef17bf500de7466ddde818b87e511af4359bdf44205ec755bda5aa15f0c34bcd2bdf62cdc81b34f9929980';
  expect(toHex(encodeMoves([moves]))).toBe(clear);
  const [key, label] = [new Uint8Array(32).fill(5), new Uint8Array(32).fill(6)];
  expect(toHex(sealPositions(key, label, fromHex(clear)))).toBe(sealed);
  expect(decodeMoves(openPositions(key, label, fromHex(sealed)))).toEqual([moves]);
});
