import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ChainClient, RpcClient } from '#src/chain/index.js';

/** Takes what the node truly answered (undefined: an error); what it returns is what the wallet is told. */
export type Lie = (result: unknown, params: readonly unknown[]) => unknown;

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** A proxy in front of a real node that lies about the methods it is told to, over HTTP as any node. */
export interface LyingNode {
  readonly client: ChainClient;
  /** Replaces the lies told from now on. */
  lie(lies: Readonly<Record<string, Lie>>): void;
  /** Transactions handed to it since it was last asked, in hex. */
  taken(): string[];
  /** Whether transactions are handed on to the real node. */
  forwards: boolean;
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export async function startLyingNode(
  url: string,
  auth: { user: string; password: string },
): Promise<LyingNode> {
  let lies: Readonly<Record<string, Lie>> = {};
  const sent: string[] = [];
  const state = { forwards: true };
  const authorization = `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`;
  const answer = async (call: Call): Promise<{ status: number; text: string }> => {
    const isSending = call.method === 'sendrawtransaction';
    if (isSending) sent.push(String(call.params[0]));
    if (isSending && !state.forwards) {
      return { status: 200, text: JSON.stringify({ id: call.id, result: '00'.repeat(32) }) };
    }
    const headers = { authorization, 'content-type': 'application/json' };
    const body = JSON.stringify({ jsonrpc: '2.0', ...call });
    const truth = await fetch(url, { method: 'POST', headers, body });
    const text = await truth.text();
    const lie: Lie | undefined = lies[call.method];
    if (lie === undefined) return { status: truth.status, text };
    const said = JSON.parse(text) as { result?: unknown };
    const result = lie(said.result, call.params);
    const error = { code: -5, message: 'No such mempool or blockchain transaction' };
    const told = result === undefined ? { error } : { result };
    return { status: 200, text: JSON.stringify({ jsonrpc: '2.0', id: call.id, ...told }) };
  };
  const server = createServer((request, response) => {
    void bodyOf(request)
      .then((text) => answer(JSON.parse(text) as Call))
      .then(({ status, text }) => response.writeHead(status).end(text));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const rpc = new RpcClient({ url: `http://127.0.0.1:${port}`, auth });
  return {
    client: new ChainClient(rpc),
    lie: (next) => {
      lies = next;
    },
    taken: () => sent.splice(0),
    get forwards() {
      return state.forwards;
    },
    set forwards(value) {
      state.forwards = value;
    },
    close: async () => {
      await rpc.close();
      await new Promise((done) => server.close(done));
    },
  };
}
