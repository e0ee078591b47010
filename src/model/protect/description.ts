import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  BitmodelError,
  type CanonicalValue,
  canonicalBytes,
  EXIT,
  equalBytes,
  fromHex,
  readWithin,
  sha256,
  toHex,
} from '../../base/index.js';
import { isBundlePath } from '../bundle/names.js';
import {
  contentKey,
  HOLDERS,
  isCommitted,
  macOf,
  type OpenShare,
  SEALED_SHARE,
  type ShareHolder,
  sealShare,
  unsealShare,
} from './keys.js';

/** Name of the file that says how a bundle is protected; unlike `bitmodel.json` it is part of the bundle. */
export const PROTECTION = 'protection.json';
/** Name of the file that holds the encrypted positions of a shuffled bundle. */
export const POSITIONS = 'protection.positions';
/** Most bytes of the description that are read. */
const MOST_BYTES = 4 << 20;

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
const share = z.strictObject({
  publicKey: z.string().regex(/^0[23][0-9a-f]{64}$/),
  sealed: hex(SEALED_SHARE),
  commitment: hex(32),
});
/** A description comes from strangers: what it names is written to when the model is unlocked. */
const path = z.string().min(1).max(4096).refine(isBundlePath);
const common = {
  v: z.literal(1),
  label: hex(32),
  plain: hex(32),
  contributor: share,
  platform: share,
};
const bodySchema = z.discriminatedUnion('mode', [
  z.strictObject({
    ...common,
    mode: z.literal('shuffle'),
    file: path,
    parameters: z.int().min(1),
    moves: z.int().min(1),
  }),
  z.strictObject({
    ...common,
    mode: z.literal('full'),
    files: z.array(path).min(1).max(20_000),
  }),
]);

/** What `protection.json` says, without its MAC. */
export type Protection = z.infer<typeof bodySchema>;

/** A description and the MAC that stands beside it. */
export interface SignedProtection {
  readonly body: Protection;
  readonly mac: Uint8Array;
}

function bad(path: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_PROTECTION', `${path} does not say how the model is protected.`, {
    next: 'Fetch the protected model again',
    cause,
  });
}

/** Whether a folder holds a protected model. */
export function isProtected(dir: string): boolean {
  return existsSync(join(dir, PROTECTION));
}

/** @throws BitmodelError `BAD_PROTECTION` */
export function parseProtection(text: string, path: string): SignedProtection {
  try {
    const value: unknown = JSON.parse(text);
    const { mac, ...rest } = z.looseObject({ mac: hex(32) }).parse(value);
    return { body: bodySchema.parse(rest), mac: fromHex(mac, 32) };
  } catch (thrown) {
    throw bad(path, thrown);
  }
}

/**
 * Reads how a bundle is protected.
 * @throws BitmodelError `NOT_PROTECTED`, `BAD_PROTECTION`, `UNREADABLE_FILE`
 */
export function readProtection(dir: string): SignedProtection {
  const path = join(dir, PROTECTION);
  if (!existsSync(path)) {
    throw new BitmodelError('NOT_PROTECTED', `${dir} is not protected: it has no ${PROTECTION}.`, {
      next: 'Use it as it is, or protect it with: bitmodel model protect DIR --platform PUBKEY',
      exitCode: EXIT.usage,
    });
  }
  return parseProtection(Buffer.from(readWithin(dir, PROTECTION, MOST_BYTES)).toString(), path);
}

/** The text of `protection.json`. */
export function protectionText(body: Protection, key: Uint8Array): string {
  const mac = toHex(macOf(key, fromHex(body.label), canonicalBytes(body as CanonicalValue)));
  return `${JSON.stringify({ ...body, mac }, undefined, 2)}\n`;
}

/** Hash of all that a description says but for the sealed shares, each of which is bound to it. */
function statementOf(body: Protection): Uint8Array {
  const open = ({ publicKey, commitment }: Protection['contributor']) => ({
    publicKey,
    commitment,
  });
  const { contributor, platform } = body;
  const said = { ...body, contributor: open(contributor), platform: open(platform) };
  return sha256(canonicalBytes(said as CanonicalValue));
}

/** Seals the shares to the holders that a description names, for it alone. */
export function withShares(
  body: Protection,
  secrets: Readonly<Record<ShareHolder, Uint8Array>>,
): Protection {
  const statement = statementOf(body);
  const label = fromHex(body.label);
  const entry = (holder: ShareHolder): Protection['contributor'] => {
    const publicKey = fromHex(body[holder].publicKey);
    const sealed = sealShare(secrets[holder], holder, publicKey, label, statement);
    return { ...body[holder], sealed: toHex(sealed) };
  };
  return { ...body, contributor: entry('contributor'), platform: entry('platform') };
}

/**
 * Opens the share of a bundle that belongs to a key.
 * @param publicKey compressed, hex
 * @throws BitmodelError `SHARE_NOT_YOURS`, `PROTECTION_TAMPERED`
 */
export function openShareOf(
  { body }: SignedProtection,
  privateKey: Uint8Array,
  publicKey: string,
): OpenShare {
  const label = fromHex(body.label);
  const holder = HOLDERS.find((name) => body[name].publicKey === publicKey);
  if (holder === undefined) {
    throw new BitmodelError('SHARE_NOT_YOURS', 'No share of this model belongs to this key.', {
      next: `Use the key of ${body.contributor.publicKey} (contributor) or ${body.platform.publicKey} (platform)`,
      exitCode: EXIT.notAllowed,
    });
  }
  const secret = unsealShare(
    fromHex(body[holder].sealed),
    holder,
    privateKey,
    label,
    statementOf(body),
  );
  return { holder, label, secret };
}

function checkShare(given: OpenShare, body: Protection): void {
  if (toHex(given.label) !== body.label) {
    throw new BitmodelError(
      'SHARE_OF_ANOTHER_MODEL',
      `The ${given.holder}'s share belongs to another protected model.`,
      { next: 'Ask for the share of this one', exitCode: EXIT.notAllowed },
    );
  }
  if (isCommitted(given, fromHex(body[given.holder].commitment))) return;
  throw new BitmodelError('WRONG_SHARE', `The ${given.holder}'s share is a wrong one.`, {
    next: 'Let its holder make it again: bitmodel model share DIR --key NAME',
    exitCode: EXIT.notAllowed,
  });
}

/**
 * The content key of a bundle, of both shares.
 * @throws BitmodelError `SHARES_MISSING`, `SHARE_OF_ANOTHER_MODEL`, `WRONG_SHARE`, `PROTECTION_TAMPERED`
 */
export function keyOfShares(
  { body, mac }: SignedProtection,
  shares: readonly OpenShare[],
): Uint8Array {
  for (const given of shares) checkShare(given, body);
  const of = (holder: ShareHolder): Uint8Array | undefined =>
    shares.find((given) => given.holder === holder)?.secret;
  const missing = HOLDERS.filter((holder) => of(holder) === undefined);
  if (missing.length > 0) {
    const who = missing.map((holder) => `the ${holder}'s`).join(' and ');
    throw new BitmodelError(
      'SHARES_MISSING',
      `A protected model needs both shares; ${who} ${missing.length > 1 ? 'are' : 'is'} missing.`,
      {
        next: `Ask the ${missing.join(' and the ')} for: bitmodel model share DIR --key NAME > FILE; then pass it with --share FILE`,
        exitCode: EXIT.notAllowed,
      },
    );
  }
  const label = fromHex(body.label);
  const key = contentKey({ contributor: of('contributor')!, platform: of('platform')! }, label);
  if (!equalBytes(macOf(key, label, canonicalBytes(body as CanonicalValue)), mac)) {
    throw new BitmodelError('PROTECTION_TAMPERED', `${PROTECTION} was changed.`, {
      next: 'Fetch the protected model again',
    });
  }
  return key;
}
