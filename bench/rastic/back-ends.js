import { cudaProvider } from 'bitmodel/model';
import { Llama } from './llama.js';
import { llamaCppMissing, openLlamaCpp } from './llama-cpp.js';
import { openModel } from './models.js';
import { numpyMissing, openNumpy } from './numpy.js';
import { openOrtWeb, ortWebMissing } from './ort-web.js';

/** A native seller that is fed the prompt in blocks of `size`. */
async function inBlocks(model, size) {
  const seller = await openModel(model, { threads: 1 });
  const session = async () => {
    const stream = await seller.session();
    return {
      feed: async (ids) => {
        let row;
        for (let at = 0; at < ids.length; at += size)
          row = await stream.feed(ids.slice(at, at + size));
        return row;
      },
      close: () => stream.close(),
    };
  };
  return { session, close: () => seller.close() };
}

/** A native seller without a cache: each token comes from a new pass over all that stands before it. */
async function withoutCache(model) {
  const seller = await openModel(model, { threads: 1 });
  const session = async () => {
    const all = [];
    return {
      feed: async (ids) => {
        all.push(...ids);
        const stream = await seller.session();
        const row = await stream.feed(all);
        await stream.close();
        return row;
      },
      close: async () => {},
    };
  };
  return { session, close: () => seller.close() };
}

/** A native seller that decodes several answers in one run per step; its tokens are drawn where it runs. */
async function inBatches(model, batch) {
  const seller = await openModel(model, { threads: 2, batch });
  return {
    generate: (request, options) => seller.generate(request, options),
    close: () => seller.close(),
  };
}

async function openPlain(model, precision) {
  const llama = new Llama(model.dir, precision, model.weights);
  return { session: async () => llama.session(), close: async () => {} };
}

const threads = [1, 2, 3, 4, 6, 8, 12, 16].map((count) => ({
  name: `ort-threads-${count}`,
  what: `ONNX Runtime, ${count} thread${count > 1 ? 's' : ''}`,
  // more threads than cores wait by spinning
  share: count > 4 ? 0.2 : 1,
  quick: ![1, 2, 4].includes(count),
  manyStreams: true,
  open: (model) => openModel(model, { threads: count }),
}));

const levels = ['disabled', 'basic', 'extended'].map((optimization) => ({
  name: `ort-${optimization}`,
  what: `ONNX Runtime, graph optimisation ${optimization}`,
  quick: optimization === 'basic',
  share: 1,
  manyStreams: true,
  open: (model) => openModel(model, { threads: 1, optimization }),
}));

const hasWeights = (model) => (model.weights ? undefined : 'no weights in binary32');
const hasGguf = (model) => (model.gguf ? undefined : 'no GGUF in binary32');

/** A seller that has room for one token stream: the next one begins when the last is closed. */
export function oneAtATime(seller) {
  let last = Promise.resolve();
  const session = async () => {
    const before = last;
    let release;
    last = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    const stream = await seller.session();
    const close = async () => {
      await stream.close();
      release();
    };
    return { feed: (ids) => stream.feed(ids), close };
  };
  return { session, close: () => seller.close() };
}

/**
 * Sellers that compute the same model by other sums. Each: its name; the share of runs it gets, 1 being a full one; whether it is only for small
 * models (`quick`), as kernels and sums are those of another; whether
 * it belongs to the class that the calibration speaks of (`outside` says why not); why it can't run here, if so; whether it
 * computes several token streams at once (`manyStreams`), and how many (`lanes`); and `open`,
 * which gives token streams: prompt or next ids in, logits after the last out; or `generate`, for whole answers.
 */
export const BACK_ENDS = [
  ...threads,
  {
    name: 'ort-blocks-1',
    manyStreams: true,
    quick: true,
    what: 'ONNX Runtime, the prompt token by token',
    share: 0.5,
    open: (model) => inBlocks(model, 1),
  },
  {
    name: 'ort-blocks-7',
    manyStreams: true,
    quick: true,
    what: 'ONNX Runtime, the prompt in blocks of 7',
    share: 0.5,
    open: (model) => inBlocks(model, 7),
  },
  {
    name: 'ort-no-cache',
    manyStreams: true,
    quick: true,
    what: 'ONNX Runtime, a whole pass for each token',
    share: 0.1,
    open: withoutCache,
  },
  ...levels,
  {
    name: 'ort-batch-8',
    what: 'ONNX Runtime, up to 8 answers in one run per step',
    manyStreams: true,
    // some are checked while others are decoded
    lanes: 12,
    share: 1,
    missing: (model) => (model.batches ? undefined : "its graph can't be batched"),
    open: (model) => inBatches(model, 8),
  },
  {
    name: 'ort-wasm',
    what: "ONNX Runtime's WebAssembly build",
    share: 1,
    missing: () => ortWebMissing,
    open: openOrtWeb,
  },
  {
    name: 'llama.cpp',
    what: 'llama.cpp, keys and values in binary32',
    share: 1,
    missing: (model) => llamaCppMissing ?? hasGguf(model),
    open: (model) => openLlamaCpp(model, { cacheType: 'F32', threads: 1 }),
  },
  {
    name: 'numpy',
    what: 'numpy in binary32',
    share: 1,
    missing: (model) => hasWeights(model) ?? numpyMissing(),
    open: openNumpy,
  },
  {
    name: 'plain-64',
    what: 'our own plain pass in binary64',
    share: 1,
    missing: hasWeights,
    open: (model) => openPlain(model, 'binary64'),
  },
  {
    name: 'plain-32',
    what: 'our own plain pass in binary32, one sum after the other',
    share: 1,
    missing: hasWeights,
    open: (model) => openPlain(model, 'binary32'),
  },
  {
    name: 'llama.cpp-f16',
    what: 'llama.cpp, keys and values in binary16',
    outside: 'keeps keys and values in binary16, which is not binary32 arithmetic',
    share: 0.5,
    missing: (model) => llamaCppMissing ?? hasGguf(model),
    open: (model) => openLlamaCpp(model, { cacheType: 'F16', threads: 1 }),
  },
  {
    name: 'ort-cuda',
    what: 'ONNX Runtime on CUDA',
    outside: 'is of the class cuda',
    share: 1,
    missing: () => (cudaProvider().present ? undefined : 'no CUDA provider here'),
    open: (model) => openModel(model, { device: 'cuda' }),
  },
];
