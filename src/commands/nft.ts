import type { Command } from 'commander';
import type { Register } from './shared/register.js';

/** The verbs, in the order of the help; each is loaded only when the command line names it. */
const VERBS: Readonly<Record<string, (nft: Command) => Promise<void>>> = {
  mint: async (nft) => (await import('./nft-mint.js')).registerMint(nft),
  show: async (nft) => (await import('./nft-show.js')).registerShow(nft),
  send: async (nft) => (await import('./nft-send.js')).registerSend(nft),
  collect: async (nft) => (await import('./nft-collect.js')).registerCollect(nft),
  fee: async (nft) => (await import('./nft-fee.js')).registerFee(nft),
  offer: async (nft) => (await import('./nft-offer.js')).registerOffer(nft),
  offers: async (nft) => (await import('./nft-offers.js')).registerOffers(nft),
  buy: async (nft) => (await import('./nft-buy.js')).registerBuy(nft),
  cancel: async (nft) => (await import('./nft-cancel.js')).registerCancel(nft),
};

/** `bitmodel nft`: tokens of which there is one each, and what the one of a model earns. */
export const register: Register = async (program, args) => {
  const nft = program
    .command('nft')
    .description(
      'Tokens of which there is one each (CashTokens). The NFT of a model commits to its id, and can bring its holder the fee of each job.',
    );
  // a verb's name may also be an option's value: then one too many is loaded, never one too few
  const named = Object.entries(VERBS).filter(([name]) => args.includes(name));
  for (const [, load] of named.length > 0 ? named : Object.entries(VERBS)) await load(nft);
};
