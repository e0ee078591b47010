import type { Command } from 'commander';
import type { Register } from './shared/register.js';

/** The verbs, in the order of the help; each is loaded only when the command line names it, since some load much. */
const VERBS: Readonly<Record<string, (model: Command) => Promise<void>>> = {
  import: async (model) => (await import('./model-import.js')).registerImport(model),
  pack: async (model) => (await import('./model-bundle.js')).registerPack(model),
  show: async (model) => (await import('./model-show.js')).registerShow(model),
  list: async (model) => (await import('./model-list.js')).registerList(model),
  rm: async (model) => (await import('./model-rm.js')).registerRm(model),
  check: async (model) => (await import('./model-bundle.js')).registerCheck(model),
  unpack: async (model) => (await import('./model-unpack.js')).registerUnpack(model),
  publish: async (model) => (await import('./model-publish.js')).registerPublish(model),
  pull: async (model) => (await import('./model-pull.js')).registerPull(model),
  serve: async (model) => (await import('./model-serve.js')).registerServe(model),
  run: async (model) => (await import('./model-run.js')).registerRun(model),
  calibrate: async (model) => (await import('./model-calibrate.js')).registerCalibrate(model),
  protect: async (model) => (await import('./model-protect.js')).registerProtect(model),
  share: async (model) => (await import('./model-protect.js')).registerShare(model),
  unlock: async (model) => (await import('./model-protect.js')).registerUnlock(model),
  bench: async (model) => (await import('./model-bench.js')).registerBench(model),
};

/** `bitmodel model`: pack, look at, check and run models. */
export const register: Register = async (program, args) => {
  const model: Command = program
    .command('model')
    .description('import, pack, publish, share, fetch and run models');
  // a verb's name may also be an option's value or a prompt: then one too many is loaded, never one too few
  const named = Object.entries(VERBS).filter(([name]) => args.includes(name));
  for (const [, load] of named.length > 0 ? named : Object.entries(VERBS)) await load(model);
};
