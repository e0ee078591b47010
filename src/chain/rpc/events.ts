import type { ServerResponse } from 'node:http';
import type { ChainNode } from '../node/ChainNode.js';
import type { RpcServer } from './RpcServer.js';

/** A listener that lets this many bytes pile up is cut off. */
const BACKLOG_LIMIT = 1_000_000;
/** A comment now and then shows a proxy, and us, that the line still stands. */
const HEARTBEAT = 15_000;

function write(response: ServerResponse, event: string, data: object): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  if (response.writableLength > BACKLOG_LIMIT) response.destroy();
}

/**
 * `GET /events`: server-sent events of this node. `block {height, hash, time}` when the tip changes, `transaction
 * {txid}` when the mempool takes one. The tip as it stands comes first.
 */
export function registerEvents(server: RpcServer, node: ChainNode): void {
  node.setMaxListeners(0);
  server.registerStream('/events', (response, signal) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const onBlock = (tip: object): void => write(response, 'block', tip);
    const onTransaction = (_: unknown, txid: string): void =>
      write(response, 'transaction', { txid });
    const heartbeat = setInterval(() => response.write(': \n\n'), HEARTBEAT);
    node.on('block', onBlock).on('transaction', onTransaction);
    onBlock(node.tip);
    signal.addEventListener('abort', () => {
      clearInterval(heartbeat);
      node.off('block', onBlock).off('transaction', onTransaction);
      response.end();
    });
  });
}
