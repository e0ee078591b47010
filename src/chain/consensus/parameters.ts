import { type Block, MAX_BLOCK_SIZE } from '../codec/block.js';
import { genesisBlock } from './genesis.js';

/** Name of a chain. */
export type NetworkName = 'main' | 'test' | 'regtest';

/** Everything in which one network differs from another (DESIGN 4.1). */
export interface NetworkParameters {
  readonly name: NetworkName;
  /** Version byte of a P2PKH address. */
  readonly addressVersion: number;
  /** Version byte of a private key in wallet import format. */
  readonly wifVersion: number;
  /** Seconds that a block should take. */
  readonly blockSpacing: number;
  /** ASERT's half-life in seconds, or undefined where the target never changes. */
  readonly halfLife: number | undefined;
  /** Blocks later than this many seconds after their parent may have the easiest target; undefined: never. */
  readonly easyBlockAfter: number | undefined;
  /** Easiest target in compact form. */
  readonly limitBits: number;
  /** Base units of the first subsidy, and after how many blocks it halves. */
  readonly subsidy: bigint;
  readonly halvingInterval: number;
  /** Blocks before a coinbase output may be spent. */
  readonly maturity: number;
  /** Seconds by which a block's time may be ahead of this machine's. */
  readonly maxFutureTime: number;
  /** Blocks in which a client may contest a claim (DESIGN 5.2). */
  readonly disputeWindow: number;
  /** Blocks in which verifiers may judge a contested stake. */
  readonly verdictWindow: number;
  /** Blocks for which a seller keeps an offer that nobody has taken. */
  readonly offerBlocks: number;
  /** Blocks below the tip at which the registry of bonded verifiers is read. */
  readonly registryDepth: number;
  /** Blocks before a leaving verifier's bond is free. */
  readonly bondExit: number;
  readonly p2pPort: number;
  readonly rpcPort: number;
  /** Host names of nodes to ask first, once there is a network between nodes; none yet. */
  readonly seeds: readonly string[];
  readonly genesis: Block;
}

/** Largest transaction, in bytes. */
export const MAX_TRANSACTION_SIZE = 8_000_000;

/** One signature check per 141 bytes of the largest block, as in BCH. */
export const MAX_BLOCK_SIGNATURE_CHECKS = Math.floor(MAX_BLOCK_SIZE / 141);

/** No amount, and no sum of amounts, is ever beyond this: twice 50 coins times the halving interval. */
export const MAX_MONEY = 100_000_000n * 100_000_000n;

/** Blocks before a coinbase output may be spent: the same on every network (DESIGN 4.1). */
export const COINBASE_MATURITY = 100;

const SHARED = {
  blockSpacing: 120,
  subsidy: 50n * 100_000_000n,
  maturity: COINBASE_MATURITY,
  seeds: [],
} as const;

const LIVE = {
  ...SHARED,
  halfLife: 21_600,
  limitBits: 0x1e0f_ffff,
  halvingInterval: 1_000_000,
  maxFutureTime: 600,
  disputeWindow: 5,
  verdictWindow: 30,
  offerBlocks: 6,
  registryDepth: 100,
  bondExit: 1_000,
} as const;

const TEST_PREFIXES = { addressVersion: 0x6f, wifVersion: 0xef } as const;

const NETWORKS: Record<NetworkName, NetworkParameters> = {
  main: {
    ...LIVE,
    name: 'main',
    addressVersion: 0x00,
    wifVersion: 0x80,
    easyBlockAfter: undefined,
    p2pPort: 9732,
    rpcPort: 9733,
    genesis: genesisBlock({
      message: 'bitmodel main: every token checked, everyone it stands on paid',
      time: 1_767_225_600,
      bits: 0x1e0f_ffff,
      nonce: 54_299,
    }),
  },
  test: {
    ...LIVE,
    ...TEST_PREFIXES,
    name: 'test',
    easyBlockAfter: 1_200,
    p2pPort: 19_732,
    rpcPort: 19_733,
    genesis: genesisBlock({
      message: 'bitmodel test: coins without value',
      time: 1_767_225_600,
      bits: 0x1e0f_ffff,
      nonce: 2_890_969,
    }),
  },
  regtest: {
    ...SHARED,
    ...TEST_PREFIXES,
    name: 'regtest',
    halfLife: undefined,
    easyBlockAfter: undefined,
    limitBits: 0x207f_ffff,
    halvingInterval: 150,
    maxFutureTime: 7_200,
    disputeWindow: 10,
    verdictWindow: 20,
    offerBlocks: 40,
    registryDepth: 1,
    bondExit: 10,
    p2pPort: 29_732,
    rpcPort: 29_733,
    genesis: genesisBlock({
      message: 'bitmodel regtest: blocks on demand',
      time: 1_704_067_200,
      bits: 0x207f_ffff,
      nonce: 0,
    }),
  },
};

/** The parameters of a network. */
export function networkParameters(name: NetworkName): NetworkParameters {
  return NETWORKS[name];
}
