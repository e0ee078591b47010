import type { Command } from 'commander';
import { registerCheck, registerList, registerPack, registerShow } from './model-bundle.js';
import { registerPublish } from './model-publish.js';
import { registerRun } from './model-run.js';
import type { Register } from './shared/register.js';

/** `bitmodel model`: pack, look at, check and run models. */
export const register: Register = (program) => {
  const model: Command = program.command('model').description('pack, show, publish and run models');
  registerPack(model);
  registerShow(model);
  registerList(model);
  registerCheck(model);
  registerPublish(model);
  registerRun(model);
};
