import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { getPublicKey, utils } from '@noble/secp256k1';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BitmodelError, toHex } from '#src/base/index.js';
import {
  GREEDY,
  LanguageModel,
  modelId,
  type OpenShare,
  openProtected,
  openShareOf,
  type ProtectOptions,
  packModel,
  parseShare,
  protectModel,
  readProtection,
  shareText,
  unlockModel,
} from '#src/model/index.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { keyOfShares, parseProtection, protectionText } from '#src/model/protect/description.js';
import { weightLayout } from '#src/model/protect/layout.js';
import { cases, timeLimit } from '../../long.js';

const FIXTURE = 'fixtures/bitmodel-tiny';
const GRAPH = 'onnx/model.onnx';
const TEXT =
  'The American people are free. It was the best of times, it was the worst of times, and the whale came up to the ship again.';
const [ann, platform, eve] = Array.from({ length: 3 }, () => {
  const privateKey = utils.randomSecretKey();
  return { privateKey, publicKey: toHex(getPublicKey(privateKey, true)) };
}) as [Holder, Holder, Holder];

interface Holder {
  readonly privateKey: Uint8Array;
  readonly publicKey: string;
}

/** Processes that run a model for this one. */
function childrenOf(pid: number): number[] {
  const listing = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' });
  return listing
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, parent, ...args]) => parent === String(pid) && args.join(' ').includes('isolated.js'),
    )
    .map(([child]) => Number(child));
}

let dir: string;
let plain: string;
let id: string;
/** A protected copy of the bundled model in each mode. */
const made = { shuffle: '', full: '' };

const at = (name: string): string => join(dir, name);

function protect(out: string, options: Partial<ProtectOptions> = {}): Promise<unknown> {
  const holders = { contributor: ann.publicKey, platform: platform.publicKey };
  return protectModel(plain, at(out), { ...holders, ...options });
}

const shareOf = (folder: string, { privateKey, publicKey }: Holder): OpenShare =>
  openShareOf(readProtection(folder), privateKey, publicKey);

const sharesOf = (folder: string): OpenShare[] => [shareOf(folder, ann), shareOf(folder, platform)];

async function codeOf(run: () => unknown): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (thrown) {
    return thrown instanceof BitmodelError ? thrown.code : String(thrown);
  }
}

/** How unlikely a model finds the text; a graph of nonsense may give no numbers at all. */
async function perplexity(model: LanguageModel): Promise<number> {
  const ids = model.tokenizer.encode(TEXT);
  let surprise = 0;
  await model.prefill(ids.slice(0, -1), {
    onLogits: (first, logits) => {
      const width = model.info.vocabularySize;
      for (let row = 0; row * width < logits.length; row++) {
        const scores = logits.subarray(row * width, (row + 1) * width);
        const top = scores.reduce((a, b) => Math.max(a, b));
        const sum = scores.reduce((total, score) => total + Math.exp(score - top), 0);
        surprise += top + Math.log(sum) - scores[ids[first + row + 1]!]!;
      }
    },
  });
  await model.close();
  return Math.exp(surprise / (ids.length - 1));
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-protect-'));
  plain = at('plain');
  for (const file of ['config.json', 'generation_config.json', 'tokenizer.json', 'onnx']) {
    cpSync(join(FIXTURE, file), join(plain, file), { recursive: true });
  }
  id = await modelId(plain);
  for (const mode of ['shuffle', 'full'] as const) {
    made[mode] = at(mode);
    await protect(mode, { mode });
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A copy of a protected model to break. */
function copyOf(mode: keyof typeof made, name: string): string {
  cpSync(made[mode], at(name), { recursive: true });
  return at(name);
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 1;
  writeFileSync(path, bytes);
}

describe('a protected model', () => {
  it('is worse than guessing when shuffled, and runs and unlocks just as it was with both shares', async () => {
    const options = { threads: 2 };
    const before = await perplexity(await LanguageModel.open(plain, options));
    const nonsense = await perplexity(await LanguageModel.open(made.shuffle, options));
    // a uniform guess has the vocabulary's size
    expect(before).toBeLessThan(500);
    expect(nonsense).toBeGreaterThan(2048);
    for (const mode of ['shuffle', 'full'] as const) {
      const shares = sharesOf(made[mode]);
      const within = await openProtected(made[mode], shares, options);
      expect(await perplexity(within)).toBe(before);
      const unlocked = await unlockModel(made[mode], at(`${mode}-unlocked`), shares);
      expect(unlocked.id).toBe(id);
      const bytes = readFileSync(join(unlocked.dir, GRAPH));
      expect(bytes.equals(readFileSync(join(plain, GRAPH)))).toBe(true);
    }
  });

  it('runs with no file made', async () => {
    // a temporary folder of its own, which the process of the model has as well
    const own = at('temporary');
    mkdirSync(own);
    const listing = readdirSync(made.full, { recursive: true }).length;
    vi.stubEnv('TMPDIR', own);
    try {
      const isolated = { threads: 1, isolate: true };
      const model = await openProtected(made.full, sharesOf(made.full), isolated);
      expect(readdirSync(own)).toEqual([]);
      expect(readdirSync(made.full, { recursive: true })).toHaveLength(listing);
      await model.close();
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('has its weights where it runs alone, and is unlocked again when that process has died', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const held = (): number => {
      gc();
      return process.memoryUsage().arrayBuffers;
    };
    const before = held();
    const model = await openProtected(made.full, sharesOf(made.full), {
      threads: 1,
      isolate: true,
    });
    try {
      const weights = statSync(join(plain, GRAPH)).size;
      await expect.poll(() => held() - before).toBeLessThan(weights / 2);
      const promptIds = model.tokenizer.encode('The American people');
      const request = {
        promptIds,
        sampling: GREEDY,
        seed: new Uint8Array(32),
        maxTokens: 4,
        stop: [],
      };
      const { ids } = await model.generate(request);
      const [child] = childrenOf(process.pid);
      process.kill(child!, 'SIGKILL');
      // the call that comes before this process has heard of it fails
      const again = () =>
        model.generate(request).then(
          (answer) => answer.ids,
          (thrown: BitmodelError) => thrown.code,
        );
      await expect.poll(again).toEqual(ids);
      await expect.poll(() => held() - before).toBeLessThan(weights / 2);
    } finally {
      await model.close();
    }
  });

  it('is not run in full mode without its shares', async () => {
    expect(await codeOf(() => LanguageModel.open(made.full))).toBe('BAD_ONNX');
  });

  it('has weights in external files unlocked in memory, too', async () => {
    const { referToFile } = await import('#src/model/onnx/selectRows.js');
    const apart = at('apart');
    cpSync(plain, apart, { recursive: true });
    const bytes = readFileSync(join(plain, GRAPH));
    writeFileSync(join(apart, 'onnx/weights.onnx_data'), bytes);
    writeFileSync(join(apart, GRAPH), referToFile(memorySource(bytes), 'weights.onnx_data'));
    const before = await perplexity(await LanguageModel.open(apart, { threads: 2 }));
    const holders = { contributor: ann.publicKey, platform: platform.publicKey };
    for (const mode of ['shuffle', 'full'] as const) {
      const folder = at(`apart-${mode}`);
      await protectModel(apart, folder, { ...holders, mode });
      const model = await openProtected(folder, sharesOf(folder), { threads: 2 });
      expect(await perplexity(model)).toBe(before);
      rmSync(folder, { recursive: true });
    }
  });

  it('says which id it had by its bytes, whatever an earlier pack noted', async () => {
    expect(readProtection(made.shuffle).body.plain).toBe(id);
    const packed = at('packed');
    cpSync(plain, packed, { recursive: true });
    await packModel(packed);
    // another version of the same size and older, as `cp -p` or an archive brings it
    flip(join(packed, GRAPH), 2_000_000);
    utimesSync(join(packed, GRAPH), 1e9, 1e9);
    const holders = { contributor: ann.publicKey, platform: platform.publicKey };
    for (const mode of ['shuffle', 'full'] as const) {
      const folder = at(`packed-${mode}`);
      await protectModel(packed, folder, { ...holders, mode });
      const unlocked = await unlockModel(folder, `${folder}-clear`, sharesOf(folder));
      expect(unlocked.id).toBe(await modelId(packed));
      expect(existsSync(join(folder, 'bitmodel.json'))).toBe(false);
      for (const name of [folder, `${folder}-clear`]) rmSync(name, { recursive: true });
    }
  });

  it.each(['weights.json', 'NOTICE-weights', 'weights.txt'])(
    'has no weights in the clear in full mode where they are called %s',
    async (name) => {
      const { referToFile } = await import('#src/model/onnx/selectRows.js');
      const named = at(`named-${name}`);
      cpSync(plain, named, { recursive: true });
      const bytes = readFileSync(join(plain, GRAPH));
      writeFileSync(join(named, 'onnx', name), bytes);
      writeFileSync(join(named, GRAPH), referToFile(memorySource(bytes), name));
      // numbers that no graph names, and text that one does
      writeFileSync(join(named, 'old.txt'), bytes.subarray(0, 4096));
      writeFileSync(join(named, 'README.md'), 'text');
      // as long as paths may be
      const deep = `${'d'.repeat(200)}/`.repeat(5);
      mkdirSync(join(named, deep), { recursive: true });
      writeFileSync(join(named, deep, 'long.bin'), 'weights');
      const folder = `${named}.protected`;
      const holders = { contributor: ann.publicKey, platform: platform.publicKey };
      await protectModel(named, folder, { ...holders, mode: 'full' });
      const { files } = readProtection(folder).body as { files: string[] };
      expect(files.toSorted()).toEqual(
        [`${deep}long.bin`, 'old.txt', GRAPH, `onnx/${name}`].toSorted(),
      );
      expect(readFileSync(join(folder, 'onnx', name)).includes(bytes.subarray(1e6, 1e6 + 64))).toBe(
        false,
      );
      const model = await openProtected(folder, sharesOf(folder), { threads: 1 });
      await model.close();
      for (const made of [named, folder]) rmSync(made, { recursive: true });
    },
  );
});

describe('protecting', () => {
  it('keeps the graph and what is no weight, and moves as many as it is told', async () => {
    const graph = readFileSync(join(made.shuffle, GRAPH));
    const before = readFileSync(join(plain, GRAPH));
    expect(graph).toHaveLength(before.length);
    expect(weightLayout(memorySource(graph))).toEqual(weightLayout(memorySource(before)));
    const { parameters } = readProtection(made.shuffle).body as { parameters: number };
    for (const moves of [1, parameters]) {
      const folder = at(`moves-${moves}`);
      await protect(`moves-${moves}`, { moves });
      expect(readProtection(folder).body).toMatchObject({ moves });
      const unlocked = await unlockModel(folder, at('again'), sharesOf(folder));
      expect(unlocked.id).toBe(id);
      for (const name of [folder, at('again')]) rmSync(name, { recursive: true });
    }
  });

  const refused: [string, string, Partial<ProtectOptions>][] = [
    ['no move', 'BAD_MOVES', { moves: 0 }],
    ['more moves than weights', 'BAD_MOVES', { moves: 1e9 }],
    ['a key that is none', 'BAD_KEY', { platform: '02ab' }],
    ['a point that is not on the curve', 'BAD_KEY', { platform: `02${'ff'.repeat(32)}` }],
    ['one holder of both shares', 'SAME_HOLDER', { platform: ann.publicKey }],
    ['a file that is not there', 'MODEL_FILE_MISSING', { file: 'onnx/other.onnx' }],
  ];
  for (const [name, code, options] of refused) {
    it(`refuses ${name}, and leaves nothing behind`, async () => {
      const before = readdirSync(dir);
      expect(await codeOf(() => protect('refused', options))).toBe(code);
      expect(readdirSync(dir)).toEqual(before);
    });
  }

  it('refuses other weights beside those it shuffles, or leaves them out when told which', async () => {
    const many = at('many');
    cpSync(plain, many, { recursive: true });
    cpSync(join(FIXTURE, 'model.safetensors'), join(many, 'model.safetensors'));
    const options = { contributor: ann.publicKey, platform: platform.publicKey };
    expect(await codeOf(() => protectModel(many, at('one'), options))).toBe('MANY_WEIGHTS');
    const one = await protectModel(many, at('one'), { ...options, file: GRAPH });
    expect(one.leftOut).toEqual(['model.safetensors']);
    expect(one.plain).toBe(id);
    // weights of another graph, or of none that is there, whatever they are called
    rmSync(join(many, 'model.safetensors'));
    writeFileSync(join(many, 'notes.txt'), readFileSync(join(many, GRAPH)).subarray(0, 5000));
    expect(await codeOf(() => protectModel(many, at('two'), options))).toBe('MANY_WEIGHTS');
    rmSync(join(many, 'notes.txt'));
    const { referToFile } = await import('#src/model/onnx/selectRows.js');
    writeFileSync(join(many, 'onnx/w.json'), readFileSync(join(many, GRAPH)));
    const other = referToFile(memorySource(readFileSync(join(many, GRAPH))), 'w.json');
    writeFileSync(join(many, 'onnx/other.onnx'), other);
    const two = await protectModel(many, at('two'), { ...options, file: GRAPH });
    expect(two.leftOut.toSorted()).toEqual(['onnx/other.onnx', 'onnx/w.json']);
    cpSync(join(FIXTURE, 'model.safetensors'), join(many, 'model.safetensors'));
    const all = await protectModel(many, at('all'), { ...options, mode: 'full' });
    expect(all.plain).toBe(await modelId(many));
    const unlocked = await unlockModel(at('all'), at('all-unlocked'), sharesOf(at('all')));
    expect(unlocked.id).toBe(all.plain);
  });

  it('refuses a model that is protected already, a folder that is there, and one without weights', async () => {
    const options = { contributor: ann.publicKey, platform: platform.publicKey };
    expect(await codeOf(() => protectModel(made.full, at('twice'), options))).toBe(
      'ALREADY_PROTECTED',
    );
    expect(await codeOf(() => protect('full'))).toBe('FOLDER_IN_USE');
    expect(existsSync(join(made.full, GRAPH))).toBe(true);
    mkdirSync(at('bare'));
    writeFileSync(join(at('bare'), 'config.json'), '{}');
    const bare = () => protectModel(at('bare'), at('bare-2'), { ...options, mode: 'full' });
    expect(await codeOf(bare)).toBe('NOTHING_TO_PROTECT');
  });

  it('ends when told to, and leaves nothing behind', async () => {
    const before = readdirSync(dir);
    for (const mode of ['shuffle', 'full'] as const) {
      const signal = AbortSignal.abort();
      await expect(protect('aborted', { mode, signal })).rejects.toThrow(/aborted/);
    }
    expect(readdirSync(dir)).toEqual(before);
  });
});

describe('shares', () => {
  it('go through a line of text', () => {
    for (const share of sharesOf(made.full)) {
      expect(parseShare(`${shareText(share)}\n`)).toEqual(share);
    }
  });

  it('are refused, without being repeated, when a character is wrong', async () => {
    const text = shareText(shareOf(made.full, ann));
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0123456789abcdef:x'), (i, digit) => {
        fc.pre(text[i] !== digit);
        const wrong = text.slice(0, i) + digit + text.slice(i + 1);
        try {
          parseShare(wrong);
          expect.unreachable();
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BAD_SHARE' });
          expect(String(thrown)).not.toContain(text.slice(-40, -10));
        }
      }),
    );
  });

  it('open with the key of their holder alone', async () => {
    expect(await codeOf(() => shareOf(made.full, eve))).toBe('SHARE_NOT_YOURS');
    const claimed = { ...eve, publicKey: ann.publicKey };
    expect(await codeOf(() => shareOf(made.full, claimed))).toBe('PROTECTION_TAMPERED');
  });

  it('open in the description that they were made for alone', async () => {
    const { body, mac } = readProtection(made.full);
    const other = readProtection(made.shuffle).body;
    const own = { publicKey: eve.publicKey };
    const foreign = [
      { ...body, contributor: { ...body.contributor, ...own } },
      { ...body, plain: other.plain.replace(/^../, 'ab') },
      { ...body, files: ['config.json'] },
      { ...body, contributor: other.contributor },
      { ...other, label: body.label, platform: body.platform },
    ] as (typeof body)[];
    for (const changed of foreign) {
      const open = () =>
        openShareOf({ body: changed, mac }, platform.privateKey, platform.publicKey);
      expect(await codeOf(open)).toBe('PROTECTION_TAMPERED');
    }
    expect(openShareOf({ body, mac }, platform.privateKey, platform.publicKey).label).toHaveLength(
      32,
    );
  });

  it('are both needed, the right ones, of this model', async () => {
    const [first, second] = sharesOf(made.shuffle) as [OpenShare, OpenShare];
    const other = shareOf(made.full, platform);
    const wrong = { ...second, secret: first.secret };
    const cases: [readonly OpenShare[], string][] = [
      [[], 'SHARES_MISSING'],
      [[first], 'SHARES_MISSING'],
      [[first, first], 'SHARES_MISSING'],
      [[first, other], 'SHARE_OF_ANOTHER_MODEL'],
      [[first, wrong], 'WRONG_SHARE'],
    ];
    for (const [shares, code] of cases) {
      expect(await codeOf(() => unlockModel(made.shuffle, at('never'), shares))).toBe(code);
      expect(await codeOf(() => openProtected(made.shuffle, shares))).toBe(code);
    }
    expect(existsSync(at('never'))).toBe(false);
  });
});

describe('a protected model whose maker means ill', () => {
  it.each([
    ['full', '../evil.desktop', 'BAD_PROTECTION'],
    ['full', '/tmp/evil.desktop', 'BAD_PROTECTION'],
    ['full', '.config/evil.desktop', 'BAD_PROTECTION'],
    ['full', 'not/there.onnx', 'SEALED_FILE_TAMPERED'],
    ['shuffle', '../onnx/model.onnx', 'BAD_PROTECTION'],
  ] as const)('writes nothing elsewhere: %s, %s', async (mode, path, code) => {
    const folder = copyOf(mode, `ill-${path.replace(/\W/g, '')}-${mode}`);
    const shares = sharesOf(folder);
    const { body, mac } = readProtection(folder);
    const key = keyOfShares({ body, mac }, shares);
    // who made it knows the key, so the description is authentic
    const changed = body.mode === 'full' ? { ...body, files: [path] } : { ...body, file: path };
    writeFileSync(join(folder, 'protection.json'), protectionText(changed, key));
    cpSync(join(folder, GRAPH), join(dir, 'evil.desktop'));
    const before = readdirSync(dir);
    expect(await codeOf(() => unlockModel(folder, at('never'), shares))).toBe(code);
    if (code === 'BAD_PROTECTION') {
      expect(await codeOf(() => openProtected(folder, shares))).toBe(code);
    }
    expect(readdirSync(dir)).toEqual(before);
  });
});

describe('a protected model that was tampered with', () => {
  it('is found out by the description, the positions, the files and the id', async () => {
    const attempt = (folder: string): Promise<string | undefined> =>
      codeOf(() => unlockModel(folder, at('never'), sharesOf(folder)));

    const described = copyOf('full', 'described');
    const path = join(described, 'protection.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace(id, 'ab'.repeat(32)));
    expect(await attempt(described)).toBe('PROTECTION_TAMPERED');
    // with shares that were opened before
    const unlock = () => unlockModel(described, at('never'), sharesOf(made.full));
    expect(await codeOf(unlock)).toBe('PROTECTION_TAMPERED');

    const positions = copyOf('shuffle', 'positions');
    flip(join(positions, 'protection.positions'), 99);
    expect(await attempt(positions)).toBe('POSITIONS_TAMPERED');
    rmSync(join(positions, 'protection.positions'));
    expect(await attempt(positions)).toBe('POSITIONS_TAMPERED');

    const weights = copyOf('shuffle', 'weights');
    flip(join(weights, GRAPH), 2_000_000);
    expect(await attempt(weights)).toBe('UNLOCKED_DIFFERS');

    const sealed = copyOf('full', 'sealed');
    flip(join(sealed, GRAPH), 2_000_000);
    expect(await attempt(sealed)).toBe('SEALED_FILE_TAMPERED');
    rmSync(join(sealed, GRAPH));
    expect(await attempt(sealed)).toBe('SEALED_FILE_TAMPERED');
    expect(existsSync(at('never'))).toBe(false);
  });

  it(
    'gives a clear error for every description',
    () => {
      const text = readFileSync(join(made.shuffle, 'protection.json'), 'utf8');
      const edits = fc
        .tuple(fc.nat(text.length - 1), fc.nat(20), fc.string({ maxLength: 20 }))
        .map(([start, length, put]) => text.slice(0, start) + put + text.slice(start + length));
      fc.assert(
        fc.property(fc.oneof(edits, fc.json(), fc.string()), (wrong) => {
          try {
            parseProtection(wrong, 'protection.json');
          } catch (thrown) {
            expect((thrown as BitmodelError).code).toBe('BAD_PROTECTION');
          }
        }),
        { numRuns: cases(5_000, 1_000_000) },
      );
    },
    timeLimit(240_000),
  );

  it(
    'finds weights in any bytes, or says that they are no graph',
    () => {
      const whole = readFileSync(join(plain, GRAPH));
      const head = whole.subarray(0, 3000);
      const edits = fc
        .array(fc.tuple(fc.nat(head.length - 1), fc.nat(255)), { maxLength: 4 })
        .map((list) => {
          const bytes = Uint8Array.from(head);
          for (const [offset, value] of list) bytes[offset] = value;
          return bytes;
        });
      fc.assert(
        fc.property(fc.oneof(edits, fc.uint8Array({ maxLength: 200 })), (bytes) => {
          try {
            for (const { spans } of weightLayout(memorySource(bytes)).groups) {
              for (const { start, end } of spans) expect(end).toBeGreaterThan(start);
            }
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
          }
        }),
        { numRuns: cases(20_000, 5_000_000) },
      );
    },
    timeLimit(240_000),
  );
});
