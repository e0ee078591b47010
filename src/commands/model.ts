import type { Command } from 'commander';
import { registerBench } from './model-bench.js';
import { registerCheck, registerPack } from './model-bundle.js';
import { registerCalibrate } from './model-calibrate.js';
import { registerList } from './model-list.js';
import { registerPublish } from './model-publish.js';
import { registerPull } from './model-pull.js';
import { registerRun } from './model-run.js';
import { registerServe } from './model-serve.js';
import { registerShow } from './model-show.js';
import type { Register } from './shared/register.js';

/** `bitmodel model`: pack, look at, check and run models. */
export const register: Register = (program) => {
  const model: Command = program
    .command('model')
    .description('pack, publish, share, fetch and run models');
  registerPack(model);
  registerShow(model);
  registerList(model);
  registerCheck(model);
  registerPublish(model);
  registerPull(model);
  registerServe(model);
  registerRun(model);
  registerCalibrate(model);
  registerBench(model);
};
