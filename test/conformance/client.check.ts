import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '#src/base/index.js';
import {
  addressScript,
  cookiePath,
  decodeTransaction,
  encodeTransaction,
  encodeWif,
  signMessage,
  signP2pkhInputs,
} from '#src/chain/index.js';
import { MINER, OTHER, REGTEST } from '../chain/node/setup.js';
import { Place, type Running } from '../e2e/harness.js';
import { at, type Ended, errorNumber, litecoinCli, PASSWORD, USER } from './litecoin.js';

const place = new Place();
let node: Running;
let port: string;
const asked = new Set<string>();

const BLOCKS = 105;
const ZEROS = '00'.repeat(32);
const ID = /^[0-9a-f]{64}$/;

/** Calls our node. */
function call(...args: string[]): Promise<Ended> {
  asked.add(args.find((arg) => !arg.startsWith('-'))!);
  return litecoinCli([...at(port), ...args]);
}

async function answer(...args: string[]): Promise<string> {
  const ended = await call(...args);
  expect(ended, args.join(' ')).toMatchObject({ code: 0, stderr: '' });
  return ended.stdout;
}

const json = async <T = Record<string, unknown>>(...args: string[]): Promise<T> =>
  JSON.parse(await answer(...args)) as T;

beforeAll(async () => {
  const auth = ['--rpc-user', USER, '--rpc-password', PASSWORD];
  node = await place.start(['node', '--regtest', '--rpc-port', '0', ...auth]);
  port = new URL(/http:\S+/.exec(node.line)![0]).port;
  const mined = await json<string[]>('generatetoaddress', `${BLOCKS}`, MINER.address);
  expect(mined).toHaveLength(BLOCKS);
});
afterAll(() => place.close());

describe('litecoin-cli on our node', () => {
  it('gets the chain and its blocks', async () => {
    const tip = await answer('getbestblockhash');
    expect(await answer('getblockcount')).toBe(`${BLOCKS}`);
    expect(await answer('getblockhash', `${BLOCKS}`)).toBe(tip);
    expect(await json('getblockchaininfo')).toMatchObject({
      chain: 'regtest',
      blocks: BLOCKS,
      headers: BLOCKS,
      bestblockhash: tip,
      initialblockdownload: false,
      pruned: false,
    });
    expect(Number(await answer('getdifficulty'))).toBeCloseTo(4.6565e-10, 13);
    expect(await json('getchaintips')).toEqual([
      { height: BLOCKS, hash: tip, branchlen: 0, status: 'active' },
    ]);
    const header = await json('getblockheader', tip);
    expect(header).toMatchObject({ hash: tip, confirmations: 1, height: BLOCKS, nTx: 1 });
    expect(await json('getblockstats', `"${tip}"`)).toMatchObject({
      height: BLOCKS,
      txs: 1,
      totalfee: 0,
    });
    const hex = await answer('getblock', tip, '0');
    expect(hex.startsWith(await answer('getblockheader', tip, 'false'))).toBe(true);
    expect(await json('getblock', tip)).toMatchObject({ ...header, size: hex.length / 2 });
    for (const verbosity of ['2', '3']) {
      const { tx } = await json<{ tx: object[] }>('getblock', tip, verbosity);
      expect(tx[0]).toMatchObject({ vin: [{ sequence: 0xffff_ffff }], vout: [{ value: 50 }] });
    }
  });

  it('makes, sends and follows a transaction, and proves it', async () => {
    const first = await answer('getblockhash', '1');
    const { tx } = await json<{ tx: string[] }>('getblock', first);
    const coin = { txid: tx[0]!, vout: 0 };
    const unspent = await json('gettxout', coin.txid, '0');
    expect(unspent).toMatchObject({ value: 50, confirmations: BLOCKS, coinbase: true });
    const outputs = { [OTHER.address]: 1.25, [MINER.address]: 48.7499, data: 'c0ffee0042' };
    const raw = await answer(
      'createrawtransaction',
      JSON.stringify([coin]),
      JSON.stringify(outputs),
    );
    const source = decodeTransaction(fromHex(await answer('getrawtransaction', coin.txid)));
    const signed = signP2pkhInputs(decodeTransaction(fromHex(raw)), source.outputs, [MINER]);
    const hex = toHex(encodeTransaction(signed));
    const decoded = await json<{ txid: string }>('decoderawtransaction', hex);
    const { txid } = decoded;
    expect(decoded).toMatchObject({
      version: 2,
      vin: [{ ...coin, sequence: 0xffff_fffd }],
      vout: [
        { n: 0, value: 1.25, scriptPubKey: { address: OTHER.address, type: 'pubkeyhash' } },
        { n: 1, value: 48.7499 },
        { n: 2, value: 0, scriptPubKey: { asm: 'OP_RETURN c0ffee0042', type: 'nulldata' } },
      ],
    });
    expect(await json('testmempoolaccept', JSON.stringify([hex]))).toMatchObject([
      { txid, allowed: true, fees: { base: 0.0001 } },
    ]);
    expect(await answer('sendrawtransaction', hex)).toBe(txid);
    expect(await json('getrawmempool')).toEqual([txid]);
    expect(await json('getrawmempool', 'true')).toHaveProperty(txid);
    expect(await json('getmempoolinfo')).toMatchObject({ loaded: true, size: 1 });
    expect(await json('getmempoolentry', txid)).toMatchObject({ depends: [], spentby: [] });
    expect(await json('getmempoolancestors', txid)).toEqual([]);
    expect(await json('getmempooldescendants', txid)).toEqual([]);
    expect(await answer('gettxout', coin.txid, '0')).toBe('');
    expect(await json('gettxout', txid, '0')).toMatchObject({ confirmations: 0, value: 1.25 });
    expect(await json('getrawtransaction', txid, '2')).toMatchObject({ fee: 0.0001 });

    const [block] = await json<string[]>('generatetoaddress', '1', MINER.address);
    expect(await json('getrawtransaction', txid, 'true', block!)).toMatchObject({
      in_active_chain: true,
      blockhash: block,
      confirmations: 1,
    });
    const proof = await answer('gettxoutproof', JSON.stringify([txid]));
    expect(await json('verifytxoutproof', proof)).toEqual([txid]);
    expect(errorNumber(await call('sendrawtransaction', hex))).toBe(-27);
    expect(errorNumber(await call('getmempoolentry', txid))).toBe(-5);
    const { txouts } = await json<{ txouts: number }>('gettxoutsetinfo');
    // one coin spent, two made; data is no coin, nor is the genesis block's
    expect(txouts).toBeGreaterThanOrEqual(BLOCKS + 2);
  });

  it('checks addresses, scripts and messages', async () => {
    const script = toHex(addressScript(OTHER.address, REGTEST));
    expect(await json('validateaddress', OTHER.address)).toMatchObject({
      isvalid: true,
      scriptPubKey: script,
    });
    expect(await json('validateaddress', 'nobody')).toMatchObject({ isvalid: false });
    expect(await json('decodescript', script)).toMatchObject({
      address: OTHER.address,
      type: 'pubkeyhash',
    });
    const wif = encodeWif(OTHER.privateKey, REGTEST);
    const signature = await answer('signmessagewithprivkey', wif, 'Grüße 1');
    expect(signature).toBe(signMessage(utf8('Grüße 1'), OTHER.privateKey));
    expect(await answer('verifymessage', OTHER.address, signature, 'Grüße 1')).toBe('true');
    expect(await answer('verifymessage', OTHER.address, signature, 'Grüße 2')).toBe('false');
  });

  it('sees that there are no peers', async () => {
    expect(await answer('getconnectioncount')).toBe('0');
    expect(await json('getpeerinfo')).toEqual([]);
    expect(await json('getaddednodeinfo')).toEqual([]);
    expect(await json('getnetworkinfo')).toMatchObject({ networkactive: false, connections: 0 });
    expect(errorNumber(await call('addnode', '127.0.0.1:1', 'add'))).toBe(-31);
    expect(errorNumber(await call('disconnectnode', '127.0.0.1:1'))).toBe(-29);
  });

  it('waits for blocks, and asks about fees and the node itself', async () => {
    const waiting = json('waitforblockheight', `${BLOCKS + 2}`, '20000');
    const changed = json('waitfornewblock', '20000');
    const [next] = await json<string[]>('generatetoaddress', '1', MINER.address);
    expect(await waiting).toEqual({ hash: next, height: BLOCKS + 2 });
    await answer('generatetoaddress', '1', MINER.address);
    expect((await changed).hash).toMatch(ID);
    expect(await json('waitforblock', next!, '1')).toMatchObject({ height: BLOCKS + 3 });
    await answer('estimatesmartfee', '6');
    expect(Number(await answer('uptime'))).toBeGreaterThanOrEqual(0);
    expect(await json('getrpcinfo')).toMatchObject({ active_commands: [{ method: 'getrpcinfo' }] });
    expect(await answer('help', 'getblock')).toMatch(/^getblock "blockhash" \( verbosity \)\n/);
  });

  it('sends what it doesn’t know as text, and our own methods take it', async () => {
    const { confirmed } = await json<{ confirmed: string }>('getaddressbalance', OTHER.address);
    expect(confirmed).toBe('1.25000000');
    const [spent] = await json<{ txid: string }[]>('getaddresshistory', OTHER.address);
    expect(
      await json('getaddressutxos', JSON.stringify({ addresses: [OTHER.address] })),
    ).toHaveLength(1);
    expect(await json('getoutpointspend', spent!.txid, '0')).toMatchObject({ spent: null });
    expect(await json('getjobtransactions', ZEROS)).toBeInstanceOf(Array);
    expect(await json('describemethod', 'getblock')).toMatchObject({ name: 'getblock' });
  });

  it('gets numbers of errors as its exit code', async () => {
    const cases: [args: string[], number: number][] = [
      [['getblockhash', '99999'], -8],
      [['getblockhash'], -1],
      [['getblock', ZEROS], -5],
      [['getblock', 'zz'], -8],
      [['getrawtransaction', ZEROS], -5],
      [['decoderawtransaction', '00'], -22],
      [['sendrawtransaction', 'zz'], -22],
      [['createrawtransaction', '[]', '{"nobody":1}'], -5],
      [['createrawtransaction', '[]', `{"${OTHER.address}":-1}`], -3],
      [['generatetoaddress', '1', 'nobody'], -5],
      [['nosuch'], -32601],
    ];
    for (const [args, number] of cases) {
      const ended = await call(...args);
      expect([args, errorNumber(ended), ended.code]).toEqual([args, number, -number % 256]);
    }
  });

  it('names its arguments (-named), reads them from stdin (-stdin), and shows -getinfo', async () => {
    expect(await answer('-named', 'getblockhash', 'height=1')).toBe(
      await answer('getblockhash', '1'),
    );
    expect(
      await answer(
        '-named',
        'getblock',
        `blockhash=${await answer('getblockhash', '1')}`,
        'verbosity=0',
      ),
    ).toMatch(/^[0-9a-f]+$/);
    expect(errorNumber(await call('-named', 'getblockhash', 'nosuch=1'))).toBe(-8);
    const piped = await litecoinCli([...at(port), '-stdin', 'getblockhash'], '1\n');
    expect(piped.stdout).toBe(await answer('getblockhash', '1'));
    const info = await litecoinCli([...at(port), '-getinfo']);
    expect(JSON.parse(info.stdout)).toMatchObject({ chain: 'regtest' });
  });

  it('is let in with the right password only', async () => {
    const wrong = await litecoinCli([
      `-rpcport=${port}`,
      `-rpcuser=${USER}`,
      '-rpcpassword=x',
      'uptime',
    ]);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toContain('Authorization failed');
    const none = await litecoinCli([`-rpcport=${port}`, 'uptime']);
    expect(none).toMatchObject({ code: 1, stdout: '' });
    const stdin = ['-stdinrpcpass', `-rpcuser=${USER}`, `-rpcport=${port}`, 'getblockhash', '0'];
    expect((await litecoinCli(stdin, `${PASSWORD}\n`)).stdout).toMatch(ID);
  });

  it('finds the cookie of a node without a password', async () => {
    const other = new Place();
    const running = await other.start(['node', '--regtest', '--rpc-port', '0']);
    const { port: free } = new URL(/http:\S+/.exec(running.line)![0]);
    const cookie = `-rpccookiefile=${cookiePath(other.folder, 'regtest')}`;
    expect((await litecoinCli([`-rpcport=${free}`, cookie, 'getblockcount'])).stdout).toBe('0');
    other.close();
  });

  it('gets an answer or a number from every other method, and ends the node with stop', async () => {
    const methods = (await answer('help'))
      .split('\n')
      .filter((line) => /^[a-z]/.test(line))
      .map((line) => line.split(' ')[0]!);
    for (const method of methods.filter((each) => !asked.has(each) && each !== 'stop')) {
      const ended = await call(method);
      if (ended.code !== 0) expect([method, errorNumber(ended)]).not.toEqual([method, undefined]);
    }
    expect(await answer('stop')).toBe('bitmodel stopping');
  });
});
