import type { Command } from 'commander';
import type { Register } from './shared/register.js';

/** The verbs, in the order of the help; each is loaded only when the command line names it. */
const VERBS: Readonly<Record<string, (reward: Command) => Promise<void>>> = {
  graph: async (reward) => (await import('./reward-graph.js')).registerGraph(reward),
  payout: async (reward) => (await import('./reward-payout.js')).registerPayout(reward),
  show: async (reward) => (await import('./reward-show.js')).registerShow(reward),
  analyse: async (reward) => (await import('./reward-analyse.js')).registerAnalyse(reward),
  simulate: async (reward) => (await import('./reward-simulate.js')).registerSimulate(reward),
  declare: async (reward) => (await import('./reward-declare.js')).registerDeclare(reward),
  countersign: async (reward) =>
    (await import('./reward-countersign.js')).registerCountersign(reward),
  dispute: async (reward) => (await import('./reward-dispute.js')).registerDispute(reward),
  settle: async (reward) => (await import('./reward-settle.js')).registerSettle(reward),
  audit: async (reward) => (await import('./reward-audit.js')).registerAudit(reward),
};

/** `bitmodel reward`: the shares of everyone a model stands on. */
export const register: Register = async (program, args) => {
  const reward = program.command('reward').description('shares of everyone a model stands on');
  // a verb's name may also be an option's value: then one too many is loaded, never one too few
  const named = Object.entries(VERBS).filter(([name]) => args.includes(name));
  for (const [, load] of named.length > 0 ? named : Object.entries(VERBS)) await load(reward);
};
