import type { Command } from 'commander';
import type { Register } from './shared/register.js';

/** The verbs, in the order of the help; each is loaded only when the command line names it. */
const VERBS: Readonly<Record<string, (imo: Command) => Promise<void>>> = {
  check: async (imo) => (await import('./imo-check.js')).registerCheck(imo),
  burn: async (imo) => (await import('./imo-burn.js')).registerBurn(imo),
  create: async (imo) => (await import('./imo-create.js')).registerCreate(imo),
  list: async (imo) => (await import('./imo-list.js')).registerList(imo),
  show: async (imo) => (await import('./imo-show.js')).registerShow(imo),
  buy: async (imo) => (await import('./imo-buy.js')).registerBuy(imo),
  cancel: async (imo) => (await import('./imo-cancel.js')).registerCancel(imo),
  transfer: async (imo) => (await import('./imo-transfer.js')).registerTransfer(imo),
  distribute: async (imo) => (await import('./imo-distribute.js')).registerDistribute(imo),
  audit: async (imo) => (await import('./imo-audit.js')).registerAudit(imo),
};

/** `bitmodel imo`: units of a model that share in its income. */
export const register: Register = async (program, args) => {
  const imo = program
    .command('imo')
    .description(
      'Initial model offerings: units of a model, offered once the chain shows enough of it, that share in its income.',
    );
  // a verb's name may also be an option's value: then one too many is loaded, never one too few
  const named = Object.entries(VERBS).filter(([name]) => args.includes(name));
  for (const [, load] of named.length > 0 ? named : Object.entries(VERBS)) await load(imo);
};
