import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OTHER } from '../chain/node/setup.js';
import { Place } from '../e2e/harness.js';
import {
  at,
  type Ended,
  errorNumber,
  litecoinCli,
  PASSWORD,
  startLitecoind,
  USER,
} from './litecoin.js';

const place = new Place();
let oracle: Awaited<ReturnType<typeof startLitecoind>>;
let ours: string;

const ZEROS = '00'.repeat(32);
const ADDRESS = OTHER.address;
const COIN = `{"txid":"${ZEROS}","vout":0}`;
const BLOCKS = 3;

/** What the calls name differs from chain to chain: a block, its transaction, that one's bytes and its proof. */
interface Names {
  readonly BLOCK: string;
  readonly TXID: string;
  readonly RAW: string;
  readonly PROOF: string;
}

async function prepare(port: number | string): Promise<Names> {
  const ask = async (...args: string[]): Promise<string> =>
    (await litecoinCli([...at(port), ...args])).stdout;
  await ask('generatetoaddress', `${BLOCKS}`, ADDRESS);
  const BLOCK = await ask('getblockhash', '2');
  const TXID = (JSON.parse(await ask('getblock', BLOCK)) as { tx: string[] }).tx[0]!;
  const RAW = await ask('getrawtransaction', TXID);
  return { BLOCK, TXID, RAW, PROOF: await ask('gettxoutproof', `["${TXID}"]`) };
}

let names: { readonly oracle: Names; readonly ours: Names };

beforeAll(async () => {
  const auth = ['--rpc-user', USER, '--rpc-password', PASSWORD];
  const [running, litecoind] = await Promise.all([
    place.start(['node', '--regtest', '--rpc-port', '0', ...auth]),
    startLitecoind(),
  ]);
  oracle = litecoind;
  ours = new URL(/http:\S+/.exec(running.line)![0]).port;
  names = { oracle: await prepare(oracle.port), ours: await prepare(ours) };
});
afterAll(async () => {
  await oracle.stop();
  place.close();
});

/** The same call to both. */
async function both(...args: string[]): Promise<{ oracle: Ended; ours: Ended }> {
  const ask = (port: number | string, known: Names): Promise<Ended> => {
    const texts = args.map((arg) =>
      arg.replace(/BLOCK|TXID|RAW|PROOF/g, (name) => known[name as keyof Names]),
    );
    return litecoinCli([...at(port), ...texts]);
  };
  const [first, second] = await Promise.all([
    ask(oracle.port, names.oracle),
    ask(ours, names.ours),
  ]);
  return { oracle: first, ours: second };
}

/** Every member of a JSON value, as `a.b`; array items share one name. */
function members(value: unknown, path = ''): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((each) => [...members(each, path)]));
  if (value === null || typeof value !== 'object') return new Set();
  return new Set(
    Object.entries(value).flatMap(([name, member]) => [
      `${path}${name}`,
      ...members(member, `${path}${name}.`),
    ]),
  );
}

/** Where both must answer, and an answer of ours may have or lack what stands here beside. */
interface Shape {
  readonly args: readonly string[];
  /** Ours alone, with the reason. */
  readonly more?: readonly string[];
  /** Litecoin's alone, with the reason. */
  readonly less?: readonly string[];
}

/** There are no witnesses and no MWEB here; before Bitcoin Core 22, addresses were lists. */
const OLD_SCRIPT = ['scriptPubKey.reqSigs', 'scriptPubKey.addresses'];
const NEW_SCRIPT = ['scriptPubKey.address'];
const within = (path: string, list: readonly string[]): string[] =>
  list.map((name) => `${path}.${name}`);
const OLD_TRANSACTION = [
  'vin.ismweb',
  'vin.txinwitness',
  'vout.ismweb',
  ...within('vout', OLD_SCRIPT),
];
/** The job id is ours. */
const NEW_TRANSACTION = ['jobid', ...within('vout', NEW_SCRIPT)];

const SHAPES: readonly Shape[] = [
  { args: ['getblockcount'] },
  { args: ['getbestblockhash'] },
  { args: ['getblockhash', '2'] },
  { args: ['getdifficulty'] },
  { args: ['getchaintips'] },
  { args: ['getblockheader', 'BLOCK'] },
  { args: ['getblockheader', 'BLOCK', 'false'] },
  { args: ['getblock', 'BLOCK', '0'] },
  { args: ['getblock', 'BLOCK'] },
  { args: ['getblock', 'BLOCK', 'true'] },
  {
    args: ['getblock', 'BLOCK', '2'],
    less: within('tx', OLD_TRANSACTION),
    more: within('tx', NEW_TRANSACTION),
  },
  // since Bitcoin Core 28; soft forks have no votes here
  { args: ['getblockchaininfo'], more: ['bits', 'time'], less: ['softforks'] },
  { args: ['gettxout', 'TXID', '0'], more: NEW_SCRIPT, less: OLD_SCRIPT },
  { args: ['gettxout', 'TXID', '9'] },
  { args: ['gettxout', ZEROS, '0'] },
  { args: ['getblockstats', '2'] },
  { args: ['getblockstats', '"BLOCK"', '["txs","subsidy","feerate_percentiles"]'] },
  { args: ['gettxoutproof', '["TXID"]'] },
  { args: ['gettxoutproof', '["TXID"]', 'BLOCK'] },
  { args: ['verifytxoutproof', 'PROOF'] },
  { args: ['getrawtransaction', 'TXID'] },
  {
    args: ['getrawtransaction', 'TXID', 'true'],
    more: [...NEW_TRANSACTION, 'height'],
    less: OLD_TRANSACTION,
  },
  {
    args: ['getrawtransaction', 'TXID', 'true', 'BLOCK'],
    more: [...NEW_TRANSACTION, 'height'],
    less: OLD_TRANSACTION,
  },
  { args: ['decoderawtransaction', 'RAW'], more: NEW_TRANSACTION, less: OLD_TRANSACTION },
  { args: ['createrawtransaction', `[${COIN}]`, `{"${ADDRESS}":1}`] },
  { args: ['createrawtransaction', '[]', '[{"data":"00"}]', '5', 'true'] },
  { args: ['getrawmempool'] },
  { args: ['getrawmempool', 'true'] },
  {
    args: ['getmempoolinfo'],
    // since Bitcoin Core 23
    more: ['total_fee', 'incrementalrelayfee', 'fullrbf'],
  },
  {
    args: ['getnetworkinfo'],
    // no networks are listed where there are none
    less: ['name', 'limited', 'reachable', 'proxy', 'proxy_randomize_credentials'].map(
      (name) => `networks.${name}`,
    ),
  },
  { args: ['getconnectioncount'] },
  { args: ['getpeerinfo'] },
  { args: ['getaddednodeinfo'] },
  { args: ['validateaddress', ADDRESS], less: ['ismweb'] },
  // since Bitcoin Core 22
  { args: ['validateaddress', 'nobody'], more: ['error_locations', 'error'] },
  { args: ['uptime'] },
  { args: ['help', 'getblock'] },
  { args: ['help', 'nosuch'] },
  { args: ['getrpcinfo'] },
  { args: ['waitfornewblock', '1'] },
  { args: ['waitforblockheight', '2', '1'] },
  { args: ['-named', 'getblockhash', 'height=2'] },
];

/** Calls that both refuse with the same number. */
const REFUSED: readonly (readonly string[])[] = [
  ['nosuch'],
  ['getblockcount', '1'],
  ['getblockhash'],
  ['getblockhash', '-1'],
  ['getblockhash', '1000'],
  ['getblockhash', '1.5'],
  ['getblockheader', ZEROS],
  ['getblockheader', 'abc'],
  ['getblock', ZEROS],
  ['getblock', 'zz'],
  ...['invalidateblock', 'reconsiderblock', 'preciousblock'].map((name) => [name, ZEROS]),
  ['getblockstats', '-1'],
  ['getblockstats', '1000'],
  ['getblockstats', `"${ZEROS}"`],
  ['getblockstats', '2', '["nosuch"]'],
  ['gettxout', 'zz', '0'],
  ['gettxoutproof', '["TXID","TXID"]'],
  ['gettxoutproof', `["${ZEROS}"]`],
  ['gettxoutproof', '["zz"]'],
  ['gettxoutproof', '["TXID"]', ZEROS],
  ['verifytxoutproof', 'zz'],
  ['verifytxoutproof', '00'],
  ['getrawtransaction', ZEROS],
  ['getrawtransaction', 'zz'],
  ['getrawtransaction', 'TXID', 'true', ZEROS],
  ['decoderawtransaction', 'zz'],
  ['decoderawtransaction', '00'],
  ['decodescript', 'zz'],
  ['createrawtransaction', `[{"txid":"${ZEROS}"}]`, '{}'],
  ['createrawtransaction', '[{"txid":"zz","vout":0}]', '{}'],
  ['createrawtransaction', `[{"txid":"${ZEROS}","vout":-1}]`, '{}'],
  ['createrawtransaction', `[{"txid":"${ZEROS}","vout":0,"sequence":-1}]`, '{}'],
  [
    'createrawtransaction',
    `[{"txid":"${ZEROS}","vout":0,"sequence":4294967295}]`,
    '{}',
    '0',
    'true',
  ],
  ['createrawtransaction', '[]', `{"${ADDRESS}":-1}`],
  ['createrawtransaction', '[]', `{"${ADDRESS}":"x"}`],
  ['createrawtransaction', '[]', `{"${ADDRESS}":0.000000001}`],
  ['createrawtransaction', '[]', '{"nobody":1}'],
  ['createrawtransaction', '[]', '{"data":"zz"}'],
  ['createrawtransaction', '[]', `[{"data":"00","${ADDRESS}":1}]`],
  ['createrawtransaction', '[]', `[{"${ADDRESS}":1},{"${ADDRESS}":1}]`],
  ['createrawtransaction', '[]', '[1]'],
  ['createrawtransaction', '[]', '[]', '-1'],
  ['createrawtransaction', '[]', '[]', '4294967296'],
  ['createrawtransaction', '[]'],
  ['sendrawtransaction', 'zz'],
  ['sendrawtransaction', 'RAW'],
  ['testmempoolaccept', '[]'],
  ['getmempoolentry', ZEROS],
  ['getaddednodeinfo', '1.2.3.4'],
  ['addnode', '1.2.3.4', 'foo'],
  ['disconnectnode', '1.2.3.4'],
  ['signmessagewithprivkey', 'nokey', 'm'],
  ['estimatesmartfee', '0'],
  ['generatetoaddress', '1', 'nobody'],
  ['-named', 'getblockhash', 'nosuch=2'],
];

/** Numbers that Bitcoin Core changed after the version that litecoind 0.21 is made from: old, and new as here. */
const CHANGED: readonly (readonly [args: readonly string[], old: number, now: number])[] = [
  [['getblockhash', '"x"'], -1, -3],
  [['createrawtransaction', '[1]', '[]'], -1, -3],
  [['gettxoutproof', '[]'], -5, -8],
  [['verifymessage', ADDRESS, 'xx', 'm'], -5, -3],
  [['verifymessage', 'nobody', 'xx', 'm'], -3, -5],
];

describe('our node beside litecoind', () => {
  it('answers with the same members', async () => {
    for (const { args, more = [], less = [] } of SHAPES) {
      const ended = await both(...args);
      expect([args, ended.ours.code]).toEqual([args, ended.oracle.code]);
      const [theirs, mine] = [ended.oracle, ended.ours].map(({ stdout }) => {
        try {
          return members(JSON.parse(stdout));
        } catch {
          return new Set([stdout === '' ? 'nothing' : 'text']);
        }
      });
      const expected = [...theirs!]
        .filter((name) => !less.some((left) => name === left || name.startsWith(`${left}.`)))
        .concat(more);
      expect([args, [...mine!].sort()]).toEqual([args, expected.sort()]);
    }
  });

  it('refuses with the same numbers', async () => {
    for (const args of REFUSED) {
      const ended = await both(...args);
      expect(errorNumber(ended.oracle)).toBeDefined();
      expect([args, errorNumber(ended.ours)]).toEqual([args, errorNumber(ended.oracle)]);
    }
  });

  it('refuses with the numbers of today’s Bitcoin Core where those have changed', async () => {
    for (const [args, old, now] of CHANGED) {
      const ended = await both(...args);
      const numbers = [errorNumber(ended.oracle), errorNumber(ended.ours)];
      expect([args, ...numbers]).toEqual([args, old, now]);
    }
  });

  it('makes the same transactions out of the same words', async () => {
    for (const args of [
      [`[${COIN}]`, `{"${ADDRESS}":0.12345678}`, '0', 'true'],
      [`[${COIN}]`, `[{"${ADDRESS}":"1e-8"},{"data":"00ff"}]`, '7', 'false'],
      [`[{"txid":"${ZEROS}","vout":2147483647,"sequence":5}]`, '{}', '500000000', 'true'],
    ]) {
      const { oracle: theirs, ours: mine } = await both('createrawtransaction', ...args);
      expect(mine).toEqual(theirs);
      expect(mine.stdout).toMatch(/^02000000/);
    }
  });
});
