import type { Register } from './shared/register.js';
import { registerSourceList } from './source-list.js';
import { registerSourcePublish } from './source-publish.js';
import { registerSourceShow } from './source-show.js';

/** `bitmodel source`: what models stand on. */
export const register: Register = (program) => {
  const source = program
    .command('source')
    .description('what models stand on: data, papers, code, algorithms, people, services');
  registerSourcePublish(source);
  registerSourceList(source);
  registerSourceShow(source);
};
