import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importModel, LanguageModel } from '#src/model/index.js';
import {
  configure,
  downloaded,
  furthest,
  makeRoot,
  prefilled,
  referenceOf,
  rewrite,
} from './setup.js';

type Json = Record<string, unknown>;

let root: string;
let count = 0;
beforeAll(() => {
  root = makeRoot();
});
afterAll(() => rmSync(root, { recursive: true }));

const copy = (name = 'llama'): string => downloaded(root, name, `${name}-${++count}`);

/** Where a tensor's bytes begin. */
const startOf = (header: Record<string, Json>, name: string): number =>
  (header[name]!.data_offsets as number[])[0]!;

async function refused(
  dir: string,
  code: string,
  why: string | RegExp,
  type?: 'fp16',
): Promise<void> {
  const out = join(root, `out-${++count}`);
  const before = readdirSync(root).length;
  await expect(importModel(dir, { out, ...(type && { type }) })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(why) as string,
  });
  expect(existsSync(out)).toBe(false);
  expect(readdirSync(root)).toHaveLength(before);
}

describe('a config that asks for what the graph would not do is refused', () => {
  it.each<[string, Json, RegExp, string?]>([
    ['an unknown type', { model_type: 'mamba' }, /model_type is "mamba"/],
    ['a type that is a property of all objects', { model_type: 'constructor' }, /model_type/],
    ['code of its own', { auto_map: { AutoModel: 'x.Y' } }, /auto_map/],
    ['quantised weights', { quantization_config: { bits: 4 } }, /quantised already/],
    ['another activation', { hidden_act: 'gelu' }, /hidden_act is "gelu"/],
    ['part of each head turned', { partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
    ['another rope', { rope_parameters: { rope_type: 'yarn', factor: 4 } }, /rope type is "yarn"/],
    [
      'another rope, as of old',
      { rope_parameters: null, rope_scaling: { type: 'dynamic', factor: 2 } },
      /"dynamic"/,
    ],
    [
      'ropes by kind of layer',
      { rope_parameters: { full_attention: { rope_theta: 1e6 } } },
      /full_attention holds others/,
    ],
    [
      'a rope factor that is none',
      { rope_parameters: { rope_type: 'linear' } },
      /factor is no positive/,
    ],
    ['a size that is none', { hidden_size: '64' }, /hidden_size/],
    ['a size beyond all', { vocab_size: 2 ** 40 }, /vocab_size/],
    ['heads that do not divide', { num_key_value_heads: 3 }, /no multiple of its key-value heads/],
    ['a context beyond all', { max_position_embeddings: 2 ** 25 }, /is too large/],
    ['heads beyond all', { head_dim: 2 ** 26 }, /is too large/],
    ['a head size without a kernel', { head_dim: 24 }, /multiple of 16/],
    ['a flag that is none', { attention_bias: 'yes' }, /neither true nor false/],
    ['a window', { sliding_window: 16 }, /reaches back 16/, 'mistral'],
    [
      'layers of other kinds',
      { layer_types: ['full_attention', 'linear_attention'] },
      /linear_attention/,
      'qwen2',
    ],
    ['a used window', { sliding_window: 16, use_sliding_window: true }, /reaches back 16/, 'qwen2'],
    ['another GELU', { activation_function: 'relu' }, /activation_function/, 'gpt2'],
    ['cross attention', { add_cross_attention: true }, /add_cross_attention/, 'gpt2'],
  ])('%s', async (_what, change, why, name) => {
    await refused(configure(copy(name), change), 'UNSUPPORTED_MODEL', why);
  });

  it('but not a window as wide as the context, nor one that is not used', async () => {
    for (const [name, change] of [
      ['mistral', { sliding_window: 64 }],
      ['qwen2', { sliding_window: 16, use_sliding_window: false }],
    ] as const) {
      const out = join(root, `out-${++count}`);
      await importModel(configure(copy(name), change), { out });
      expect(existsSync(join(out, 'onnx/model.onnx'))).toBe(true);
    }
  });
});

describe('weights that do not fit the config are refused', () => {
  const norm = 'model.norm.weight';

  it('a missing one, by name', async () => {
    const dir = rewrite(copy(), (header) => {
      header['model.other.weight'] = header[norm]!;
      delete header[norm];
      return undefined;
    });
    await refused(dir, 'BAD_CHECKPOINT', /lack model\.norm\.weight/);
  });

  it('one too many, by name', async () => {
    const dir = rewrite(copy(), (header, data) => {
      const offsets = [data.length, data.length + 4];
      header['model.layers.0.mlp.experts.0.weight'] = {
        dtype: 'F32',
        shape: [1],
        data_offsets: offsets,
      };
      return Buffer.concat([data, Buffer.alloc(4)]);
    });
    await refused(
      dir,
      'BAD_CHECKPOINT',
      /no use for \(model\.layers\.0\.mlp\.experts\.0\.weight\)/,
    );
  });

  it('one of another shape', async () => {
    const dir = configure(copy(), { intermediate_size: 64 });
    await refused(dir, 'BAD_CHECKPOINT', /is 72 × 64, where its config\.json asks for 64 × 64/);
  });

  it('one of a type that is not read', async () => {
    const dir = rewrite(copy(), (header) => {
      header[norm] = { ...header[norm], dtype: 'I32' };
      return undefined;
    });
    await refused(dir, 'BAD_CHECKPOINT', /type I32/);
  });

  it('one with a NaN or an infinity, by name', async () => {
    const name = 'model.layers.1.mlp.up_proj.weight';
    for (const value of [Number.NaN, -Infinity]) {
      const dir = rewrite(copy(), (header, data) => {
        data.writeFloatLE(value, startOf(header, name) + 400);
        return undefined;
      });
      await refused(dir, 'BAD_WEIGHTS', /model\.layers\.1\.mlp\.up_proj\.weight hold infinities/);
    }
  });

  it('one too large for fp16, as fp16 alone', async () => {
    const dir = rewrite(copy(), (header, data) => {
      data.writeFloatLE(65_520, startOf(header, norm));
      return undefined;
    });
    await refused(dir, 'BAD_WEIGHTS', /model\.norm\.weight are too large/, 'fp16');
    await importModel(dir, { out: join(root, `out-${++count}`) });
  });

  it('a head of its own where the config says that it is the embedding', async () => {
    const withHead = (byte: number): string =>
      rewrite(copy(), (header, data) => {
        const table = header['model.embed_tokens.weight']!;
        const [from, to] = table.data_offsets as [number, number];
        const head = Buffer.from(data.subarray(from, to));
        head[0]! ^= byte;
        header['lm_head.weight'] = {
          ...table,
          data_offsets: [data.length, data.length + head.length],
        };
        return Buffer.concat([data, head]);
      });
    await refused(withHead(1), 'BAD_CHECKPOINT', /holds? another one/);
    await importModel(withHead(0), { out: join(root, `out-${++count}`) });
  });
});

describe('a folder', () => {
  it('without weights, config or tokenizer is refused', async () => {
    const without = (file: string): string => {
      const dir = copy();
      rmSync(join(dir, file));
      return dir;
    };
    await refused(without('model.safetensors'), 'NO_SAFETENSORS', /no \.safetensors file/);
    await refused(without('tokenizer.json'), 'BAD_CHECKPOINT', /no tokenizer\.json/);
    await refused(without('config.json'), 'UNSUPPORTED_MODEL', /model_type/);
    await refused(join(root, 'nowhere'), 'NOT_A_FOLDER', /no folder/);
  });

  it('whose shards and index do not agree is refused', async () => {
    const index = (dir: string): { weight_map: Record<string, string> } =>
      JSON.parse(readFileSync(join(dir, 'model.safetensors.index.json'), 'utf8')) as never;
    const changed = (change: (map: Record<string, string>) => void): string => {
      const dir = copy('llama3');
      const value = index(dir);
      change(value.weight_map);
      writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify(value));
      return dir;
    };
    const lost = changed(() => {});
    const shards = readdirSync(lost).filter((name) => name.endsWith('.safetensors'));
    expect(shards.length).toBeGreaterThan(1);
    rmSync(join(lost, shards[1]!));
    await refused(lost, 'UNREADABLE_FILE', /00002-of-0000\d/);
    await refused(
      changed((map) => void delete map['model.layers.0.input_layernorm.weight']),
      'BAD_CHECKPOINT',
      /does not say/,
    );
    await refused(
      changed((map) => void Object.assign(map, { more: map['lm_head.weight'] })),
      'BAD_CHECKPOINT',
      /lack more/,
    );
    await refused(
      changed((map) => void Object.assign(map, { 'lm_head.weight': '../model.safetensors' })),
      'BAD_CHECKPOINT',
      /no \.safetensors file of this folder/,
    );
    const unnamed = copy('llama3');
    rmSync(join(unnamed, 'model.safetensors.index.json'));
    await refused(unnamed, 'BAD_CHECKPOINT', /\d \.safetensors files, but no/);
  });

  it('says which file is broken', async () => {
    const dir = copy();
    writeFileSync(join(dir, 'model.safetensors'), 'no weights at all');
    await refused(dir, 'BAD_SAFETENSORS', /model\.safetensors can't be used/);
  });

  it('of the Hugging Face cache, made of links to blobs, is imported; other links are not followed', async () => {
    const cache = join(root, `models--x--${++count}`);
    mkdirSync(join(cache, 'blobs'), { recursive: true });
    mkdirSync(join(cache, 'snapshots'));
    const dir = join(cache, 'snapshots', 'abc');
    renameSync(copy(), dir);
    const names = ['model.safetensors', 'config.json', 'tokenizer.json'];
    for (const [i, name] of names.entries()) {
      const blob = `${i}`.repeat(i === 0 ? 64 : 40);
      renameSync(join(dir, name), join(cache, 'blobs', blob));
      symlinkSync(`../../blobs/${blob}`, join(dir, name));
    }
    const out = join(root, `out-${++count}`);
    await importModel(dir, { out });
    const model = await LanguageModel.open(out, { threads: 1 });
    const { ids, logits } = referenceOf('llama');
    expect(furthest(await prefilled(model, ids), logits)).toBeLessThan(1e-4);
    await model.close();

    // a stranger's folder may lie in one of that name
    writeFileSync(join(cache, 'secret'), 'mine');
    symlinkSync('../../secret', join(dir, 'README.md'));
    await refused(dir, 'UNREADABLE_FILE', /outside/);

    const other = copy();
    renameSync(join(other, 'model.safetensors'), join(root, 'elsewhere'));
    symlinkSync('../elsewhere', join(other, 'model.safetensors'));
    await refused(other, 'UNREADABLE_FILE', /outside/);
  });

  it('is made beside what is there already only where that is empty', async () => {
    const out = join(root, `out-${++count}`);
    mkdirSync(out);
    await importModel(copy(), { out });
    await expect(importModel(copy(), { out })).rejects.toMatchObject({ code: 'FOLDER_IN_USE' });
  });

  it('is not left half made when the import is interrupted', async () => {
    const abort = new AbortController();
    const out = join(root, `out-${++count}`);
    const dir = copy();
    const before = readdirSync(root).length;
    const onProgress = (): void => abort.abort();
    await expect(importModel(dir, { out, onProgress, signal: abort.signal })).rejects.toThrow(
      /abort/,
    );
    expect(readdirSync(root)).toHaveLength(before);
  });

  it('is not begun without room for its weights and tables, nor left half made when the disk fills up meanwhile', async () => {
    const disk = join(root, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch {
      console.log('skipped: a disk that is full can only be made by who may mount a tmpfs');
      return;
    }
    try {
      const large = configure(copy(), { max_position_embeddings: 2 ** 23 });
      await expect(importModel(large, { out: join(disk, 'out') })).rejects.toMatchObject({
        code: 'NO_SPACE',
      });
      expect(readdirSync(disk)).toEqual([]);
      const onProgress = (): void => {
        const { bavail, bsize } = statfsSync(disk);
        writeFileSync(join(disk, `filler-${++count}`), Buffer.alloc(bavail * bsize));
      };
      const made = importModel(copy(), { out: join(disk, 'out'), onProgress });
      await expect(made).rejects.toMatchObject({ code: 'WRITE_FAILED', message: /disk is full/ });
      expect(readdirSync(disk).filter((name) => !name.startsWith('filler'))).toEqual([]);
    } finally {
      execFileSync('umount', ['--lazy', disk]);
    }
  });
});
