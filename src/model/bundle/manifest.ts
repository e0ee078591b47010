import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { BitmodelError, EXIT, messageOf, readWithin, writeFileAtomic } from '../../base/index.js';

/** Name of the file in which `pack` records a bundle's id; it is no part of the bundle. */
export const MANIFEST = 'bitmodel.json';
/** Some 300,000 files. */
const MOST_BYTES = 64 << 20;
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const manifestSchema = z.strictObject({
  v: z.literal(1),
  id: hash,
  name: z.string().min(1).max(200),
  licence: z.string().max(200).optional(),
  parents: z
    .array(z.strictObject({ id: hash, ppm: z.int().min(0).max(1_000_000) }))
    .refine((parents) => new Set(parents.map(({ id }) => id)).size === parents.length, {
      message: 'a parent stands there twice',
    })
    .refine((parents) => parents.reduce((sum, { ppm }) => sum + ppm, 0) <= 1_000_000, {
      message: "the parents' weights are more than 1000000 ppm together",
    }),
  size: z.int().min(0),
  files: z.array(
    z.strictObject({ path: z.string().min(1), size: z.int().min(0), root: hash.optional() }),
  ),
});

/** What `bitmodel.json` says about a packed bundle. */
export type Bundle = z.infer<typeof manifestSchema>;

/** @throws BitmodelError `BAD_MANIFEST` naming the first thing that is wrong */
export function checkBundle(value: unknown): Bundle {
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const where = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new BitmodelError(
    'BAD_MANIFEST',
    `The bundle's description is wrong: ${where}${issue.message}.`,
    {
      next: 'Make it again with: bitmodel model pack DIR',
      exitCode: EXIT.usage,
    },
  );
}

/**
 * Reads what `pack` wrote about a bundle.
 * @throws BitmodelError `NOT_PACKED` when there is no bitmodel.json, `BAD_MANIFEST` when it can't be used,
 *   `UNREADABLE_FILE` when it is no regular file, or too large to be one
 */
export function readBundle(dir: string): Bundle {
  const path = join(dir, MANIFEST);
  if (!existsSync(path)) {
    throw new BitmodelError('NOT_PACKED', `${dir} is not packed: it has no ${MANIFEST}.`, {
      next: `Pack it with: bitmodel model pack ${dir}`,
      exitCode: EXIT.notFound,
    });
  }
  const bytes = readWithin(dir, MANIFEST, MOST_BYTES);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (thrown) {
    throw new BitmodelError('BAD_MANIFEST', `${path} is not valid JSON: ${messageOf(thrown)}.`, {
      next: `Remove it and run: bitmodel model pack ${dir}`,
      cause: thrown,
    });
  }
  return checkBundle(value);
}

/** Whether a folder holds what a description of it with this id says, as far as names and sizes show. */
export function holdsBundle(dir: string, bundle: Bundle, id: string): boolean {
  const isHere = ({ path, size }: Bundle['files'][number]): boolean =>
    statSync(join(dir, path), { throwIfNoEntry: false })?.size === size;
  return bundle.id === id && bundle.files.every(isHere);
}

/** A bundle's description as it stands in its file. */
export function bundleBytes(bundle: Bundle): Uint8Array {
  return Buffer.from(`${JSON.stringify(bundle, undefined, 2)}\n`);
}

/** Writes a bundle's description beside its files. */
export function writeBundle(dir: string, bundle: Bundle): void {
  writeFileAtomic(join(dir, MANIFEST), bundleBytes(bundle));
}
