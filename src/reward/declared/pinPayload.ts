import { z } from 'zod';
import {
  canonicalBytes,
  equalBytes,
  formatAmount,
  fromHex,
  parseAmount,
  toHex,
} from '../../base/index.js';
import { type ParentShare, PPM, visible } from '../graph/graph.js';
import { MAXIMUM_SHARES } from '../split/split.js';
import {
  type DeclarationBase,
  type DeclaredCalibration,
  destinationScript,
  isPayable,
  MAXIMUM_FEE_PER_JOB,
  MAXIMUM_NAME,
  MAXIMUM_OWNER_SCRIPT,
  type ModelDeclaration,
  type OtherDeclaration,
  SOURCE_KINDS,
} from './declaration.js';

/** Where the pins of models and of other sources stand (DESIGN 4.4). */
export const MODEL_PIN_PATH = '/protocols/bitmodel-model';
/** Path of the pins that declare sources (DESIGN 4.4). */
export const SOURCE_PIN_PATH = '/protocols/bitmodel-source';

/** A longer payload is no declaration: 250 parents and their split script take less. */
const MAXIMUM_PAYLOAD = 131_072;
/** Graphs of one model whose calibrations a pin names. */
const MAXIMUM_CALIBRATIONS = 64;

const id = z.string().regex(/^[0-9a-f]{64}$/);
const script = (bytes: number) =>
  z
    .string()
    .max(2 * bytes)
    .regex(/^(?:[0-9a-f]{2})+$/);
const label = z
  .string()
  .min(1)
  .max(MAXIMUM_NAME)
  .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u);
const path = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u);
const inOrder = (calibrations: readonly DeclaredCalibration[]): boolean =>
  calibrations.every(({ file }, i) => i === 0 || calibrations[i - 1]!.file < file);
const ppm = z.int().min(0).max(PPM);
const AMOUNT = /^(?:0|[1-9]\d{0,8})\.\d{8}$/;
/** Coins with exactly eight decimals, as jobs have them: one amount has one spelling. More than nothing. */
const amount = z.string().refine((coins) => {
  // one check for all: zod goes on behind one that failed, and what is no amount can't be read as one
  if (!AMOUNT.test(coins)) return false;
  const units = parseAmount(coins);
  return units > 0n && units <= MAXIMUM_FEE_PER_JOB;
});

const common = {
  v: z.literal(1),
  name: label,
  owner: script(MAXIMUM_OWNER_SCRIPT),
  split: script(MAXIMUM_PAYLOAD / 4),
  parents: z.array(z.strictObject({ id, ppm, pays: id })).max(MAXIMUM_SHARES - 1),
  uses: z
    .array(z.strictObject({ id, ppm }))
    .min(1)
    .max(MAXIMUM_SHARES - 1)
    .optional(),
};
const modelSchema = z.strictObject({
  ...common,
  model: id,
  licence: label,
  size: z.int().min(0),
  feePpm: ppm,
  feePerJob: amount.optional(),
  calibrations: z
    .array(z.strictObject({ file: path, hash: id }))
    .min(1)
    .max(MAXIMUM_CALIBRATIONS)
    .refine(inOrder)
    .optional(),
});
const sourceSchema = z.strictObject({ ...common, source: id, kind: z.enum(SOURCE_KINDS) });

/** The fields that both kinds of payload share. */
function commonFields(declaration: DeclarationBase) {
  return {
    v: 1,
    name: declaration.name,
    owner: toHex(declaration.owner),
    split: toHex(declaration.split),
    parents: declaration.parents.map((parent) => ({ ...parent, pays: toHex(parent.pays) })),
    ...(declaration.uses === undefined
      ? {}
      : { uses: declaration.uses.map(({ id, ppm }) => ({ id, ppm })) }),
  };
}

/**
 * What a model's pin holds: canonical JSON `{v, model, name, licence, size, feePpm, owner, split, parents}`, and
 * `feePerJob`, `calibrations` and `uses` where there are some.
 */
export function modelPinPayload(model: ModelDeclaration): Uint8Array {
  const { id: modelId, licence, size, feePpm, feePerJob, calibrations = [] } = model;
  return canonicalBytes({
    ...commonFields(model),
    model: modelId,
    licence,
    size,
    feePpm,
    ...(feePerJob === undefined ? {} : { feePerJob: formatAmount(feePerJob) }),
    ...(calibrations.length === 0
      ? {}
      : { calibrations: calibrations.map(({ file, hash }) => ({ file, hash })) }),
  });
}

/** What another source's pin holds: canonical JSON `{v, source, kind, name, owner, split, parents}`. */
export function sourcePinPayload(source: OtherDeclaration): Uint8Array {
  return canonicalBytes({ ...commonFields(source), source: source.id, kind: source.kind });
}

/** The JSON of a payload; undefined for what is longer than any declaration, no UTF-8, or no JSON. Never throws. */
export function readJson(payload: Uint8Array): unknown {
  if (payload.length > MAXIMUM_PAYLOAD) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    // anybody can write anything into a pin: what is no JSON is no declaration
    return undefined;
  }
}

type Common = Pick<z.infer<typeof modelSchema>, 'name' | 'owner' | 'split' | 'parents' | 'uses'>;

/** Whether a source can name these: each once and in order, not itself, no more than the whole. */
function areParents(own: string, parents: readonly ParentShare[]): boolean {
  const inOrder = parents.every((parent, i) => i === 0 || parents[i - 1]!.id < parent.id);
  const given = parents.reduce((sum, parent) => sum + parent.ppm, 0);
  return inOrder && given <= PPM && parents.every((parent) => parent.id !== own);
}

/**
 * The declared fields, if the split script is exactly the one that the owner and the parents make: a pin can't say one
 * thing and pay another. What can't be seen in its name is written out: here, so that no reader shows it as another's.
 */
function readCommon(
  own: string,
  json: Common,
): Pick<DeclarationBase, 'id' | 'name' | 'owner' | 'parents' | 'uses' | 'split'> | undefined {
  const parents = json.parents.map((parent) => ({ ...parent, pays: fromHex(parent.pays) }));
  const { uses } = json;
  if (!areParents(own, parents) || !areParents(own, uses ?? [])) return undefined;
  const owner = fromHex(json.owner);
  const split = fromHex(json.split);
  if (!isPayable(owner)) return undefined;
  if (!equalBytes(destinationScript(owner, parents), split)) return undefined;
  return { id: own, name: visible(json.name), owner, parents, ...(uses ? { uses } : {}), split };
}

/** The declaration in a model's pin; undefined for anything that is not one in full. Never throws. */
export function parseModelPin(payload: Uint8Array): ModelDeclaration | undefined {
  const { data } = modelSchema.safeParse(readJson(payload));
  const fields = data && readCommon(data.model, data);
  if (!fields) return undefined;
  const { licence, size, feePpm, feePerJob, calibrations } = data;
  const asked = feePerJob === undefined ? {} : { feePerJob: parseAmount(feePerJob) };
  const named = calibrations === undefined ? {} : { calibrations };
  return { kind: 'model', ...fields, licence: visible(licence), size, feePpm, ...asked, ...named };
}

/** The declaration in another source's pin; undefined for anything that is not one in full. Never throws. */
export function parseSourcePin(payload: Uint8Array): OtherDeclaration | undefined {
  const { data } = sourceSchema.safeParse(readJson(payload));
  const fields = data && readCommon(data.source, data);
  return fields && { kind: data.kind, ...fields };
}
