import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  argumentsFromText,
  createKey,
  helpText,
  LocalChain,
  type MethodHelp,
  type ParamHelp,
  paramKind,
  RpcServer,
  registerChainMethods,
  registerFaucet,
  usageLine,
} from '#src/chain/index.js';
import { bindArguments } from '#src/chain/rpc/arguments.js';
import {
  registerChecks,
  registerJobPool,
  registerMailbox,
  registerNoSuspects,
} from '#src/job/index.js';
import { MODEL_METHODS } from '#src/network/index.js';
import { openTemporaryNode, REGTEST } from '../node/setup.js';

let opened: Awaited<ReturnType<typeof openTemporaryNode>>;
let methods: [name: string, help: MethodHelp][];

beforeAll(async () => {
  opened = await openTemporaryNode();
  const { node } = opened;
  const server = new RpcServer({ auth: { user: 'u', password: 'p' } });
  registerChainMethods(server, node, { version: '1.2.3', stop: () => undefined });
  registerFaucet(server, node, createKey(REGTEST));
  registerJobPool(server, new LocalChain(node));
  registerChecks(server, () => undefined);
  // a full node's methods are told alike
  registerNoSuspects(server);
  registerMailbox(server);
  const undescribed = server.methods().filter(([, { help }]) => !help);
  expect(undescribed.map(([name]) => name)).toEqual([]);
  methods = server.methods().map(([name, { help }]) => [name, help!]);
  // a node has these when it has a network
  methods.push(...Object.entries(MODEL_METHODS));
});
afterAll(() => opened.end());

const HEAD = `# RPC

What a node answers. Everything under "Methods" is what the node itself says (\`bitmodel rpc help METHOD\`); a test keeps
this page and the node the same, and \`npx vitest run test/chain/rpc/rpc-page.test.ts -u\` writes it anew.

Names, arguments, fields and error numbers are Bitcoin Core's, version 28, wherever Bitcoin Core has the method, so that its
clients work: \`npm run conformance\` calls every method with Debian's \`litecoin-cli\`, and makes the same calls to
\`litecoind\` (made from Bitcoin Core 0.21) and holds members and numbers against each other. What differs is listed below.
Methods of the group "Bitmodel" are our own.

## Asking

\`\`\`
$ bitmodel rpc getblockhash 0                                  # prints what bitcoin-cli prints
$ bitmodel rpc --named getblock blockhash=ID verbosity=2       # arguments by name
$ cat signed.hex | bitmodel rpc sendrawtransaction -           # - stands for the lines of stdin
$ litecoin-cli -rpcport=PORT -rpccookiefile=DATADIR/NETWORK/.cookie getblockcount
$ curl --user NAME:PASSWORD --data '{"jsonrpc":"2.0","id":1,"method":"getblockcount"}' http://127.0.0.1:PORT/
\`\`\`

- **Where.** HTTP POST to \`/\`. \`bitmodel node\` prints its address, and keeps it in \`rpc-address\` beside the chain. It is
  this machine's own unless \`--rpc-bind\` and \`--rpc-allow-ip\` say otherwise; other callers are hung up on at once. Of
  1,000 connections at most 500 are of callers who have not shown the password yet: beyond, the oldest of these goes.
- **Password.** HTTP basic authentication: the text in \`.cookie\` (made anew at each start, mode 0600), or \`--rpc-user\` and
  \`--rpc-password\`. Whoever has no or a wrong password gets 401 and an empty body, whatever was asked; after a wrong one only
  after a quarter of a second.
- **Host and origin.** \`Host\` must be an address or \`localhost\`, and \`Origin\`, if there is one, the same host; else the
  answer is 403. So no page in a browser can call the node under a name of its own (DNS rebinding).
- **Versions.** JSON-RPC 1.0, 1.1 and 2.0 (\`"jsonrpc":"2.0"\`). A 2.0 call without an id is a notification: it is done and
  gets 204. Up to 1,000 calls make a batch; they are done in order.
- **Arguments** by place (an array) or by name (an object, with \`args\` for some by place, as Bitcoin Core has it).
- **Amounts** of Bitcoin Core's methods are decimal JSON numbers with every digit; a client that reads them as doubles rounds
  them. Arguments that are amounts may be numbers or texts, and never become doubles here. Our own methods answer with texts.

| HTTP status | when                                                                               |
| ----------- | ---------------------------------------------------------------------------------- |
| 200         | a result; with version 2.0 also a method's error; always for a batch                |
| 204         | nothing but notifications                                                           |
| 400         | -32600: no method, parameters that are neither array nor object, a version unknown  |
| 401, 403    | the password is wrong; the host or the origin is not let in                         |
| 404         | -32601: no such method; or a path that is not \`/\`                                 |
| 405         | not POST                                                                            |
| 413         | a body of more than 66,000,000 bytes                                                |
| 500         | any other error of a method of version 1.0; -32700: the body is no JSON             |
| 503         | bodies of all callers together are too much at once, or too many event streams      |

| number | meaning                                                                        |
| ------ | ------------------------------------------------------------------------------ |
| -1     | wrong number of arguments (the message is the method's help), and odds and ends |
| -3     | an argument has the wrong type, or an amount is none                            |
| -5     | no such block, transaction, address or key                                      |
| -8     | an argument is out of range or malformed, or has an unknown name                |
| -22    | hex that encodes no transaction or block                                        |
| -25    | what a transaction spends is spent or unknown                                   |
| -26    | a rule refuses it; the message is Bitcoin's reject reason                       |
| -27    | it is in the chain already                                                      |
| -31    | there is no peer-to-peer network                                                |
| -32600 | not a call                                                                      |
| -32601 | no such method                                                                  |
| -32603 | a fault of the node                                                             |
| -32700 | not JSON, nested deeper than 512, or of more than 1,000,000 values              |

## Bounds

A request must have come within 30 seconds, and an answer must make progress within 30 seconds; else the connection is cut.
Headers are at most 16 kB, connections at most 1,000, event streams at most 100, bodies held at once 264 MB together. Long
answers (a block with all its transactions) are made and sent piece by piece, so that other callers have their turn.

## Events

\`GET /events\`, with the same password, is a stream of server-sent events: \`block\` with \`{height, hash, time}\` when the tip
changes (the tip as it stands comes first) and \`transaction\` with \`{txid}\` when the mempool takes one. A listener that lets
a megabyte pile up is cut off.

## Different from Bitcoin Core

- There is no wallet in the node (\`bitmodel wallet\` is a program of its own), no witnesses, no pay-to-script-hash and no
  descriptors: \`hash\` is \`txid\`, \`vsize\` is \`size\`, \`weight\` is four times that, \`desc\`, \`p2sh\` and \`segwit\` are
  absent, and \`iswitness\` is ignored. Addresses of pay-to-public-key-hash are the only ones.
- Transactions from version 10 on have \`jobid\`, outputs with a token have \`tokenData\` (as BCH Node writes it), and
  \`getrawtransaction\` shows \`height\`. \`createrawtransaction\` makes version 2, or 10 where \`jobid\` is given.
- The genesis block's coinbase can be asked for, though nothing can spend it.
- \`asm\` ends with \`[...]\` after 10,000 operations. Signatures in it have no \`[ALL]\` behind them.
- This version of the node has no peers: \`getpeerinfo\` is empty, \`addnode\` fails with -31.
- -28 ("warming up") never comes: the node begins to answer once its chain is open and checked.
- \`waitfornewblock\` and its like wait 60 seconds at most. \`verifytxoutproof\` also refuses padding bits that are not zero.
- \`version\` in \`getnetworkinfo\` is bitmodel's own (1.2.3 is 10203), so \`bitcoin-cli -netinfo\` thinks the node too old.
- A client of Bitcoin's family sends arguments of methods that it doesn't know as text: our own methods read a text as the
  number, array or object it shows where they take one.

## Methods
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

function argumentTable(params: readonly ParamHelp[]): string[] {
  if (params.length === 0) return [];
  const rows = params.map(
    (param) => `| \`${param.name}\` | ${cell(paramKind(param))} | ${cell(param.about)} |`,
  );
  return [`| argument | takes | what |\n| --- | --- | --- |\n${rows.join('\n')}`];
}

function section([name, help]: [string, MethodHelp]): string {
  const { summary, params, result, errors = [], example } = help;
  return [
    `#### ${name}`,
    `\`${usageLine(name, help)}\``,
    summary,
    ...argumentTable(params),
    `Answers: ${result}`,
    ...(errors.length > 0 ? [errors.map(([code, when]) => `- ${code}: ${when}`).join('\n')] : []),
    `\`\`\`\n$ bitmodel rpc ${[name, example].filter(Boolean).join(' ')}\n\`\`\``,
  ].join('\n\n');
}

describe('docs/rpc.md', () => {
  it('says of every method what the node says of it', async () => {
    const groups = [...new Set(methods.map(([, { group }]) => group))].sort();
    const parts = groups.map((group) => {
      const own = methods.filter(([, help]) => help.group === group);
      return [`### ${group}`, ...own.map(section)].join('\n\n');
    });
    await expect(`${HEAD}\n${parts.join('\n\n')}\n`).toMatchFileSnapshot('../../../docs/rpc.md');
  });

  it('has for each argument a name of its own, and for each required one no optional one before it', () => {
    for (const [name, { params }] of methods) {
      const names = params.flatMap((param) => [param.name, ...(param.aliases ?? [])]);
      expect([name, new Set(names).size]).toEqual([name, names.length]);
    }
  });

  it('gives each method an example that it takes', () => {
    for (const [name, help] of methods) {
      const words = (help.example ?? '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g);
      const texts = [...words].map(([, single, double, bare]) => single ?? double ?? bare!);
      const given = argumentsFromText(name, help, texts);
      expect(() => bindArguments(name, help, given), name).not.toThrow();
    }
  });

  it('gives each method a help that names it, its arguments and an example', () => {
    for (const [name, help] of methods) {
      const text = helpText(name, help);
      expect(text.startsWith(usageLine(name, help))).toBe(true);
      expect(text).toContain(`> bitmodel rpc ${name}`);
      for (const param of help.params) expect(text).toContain(param.about);
    }
  });
});
