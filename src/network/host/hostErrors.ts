import { BitmodelError, EXIT, messageOf } from '../../base/index.js';

/** What kept a host from listening, as far as libp2p's message of many lines says so. */
export function listenError(
  listen: readonly string[],
  message: string,
  cause: unknown,
): BitmodelError {
  const places = listen.join(', ');
  const [, name] = /ENOTFOUND|EAI_AGAIN/.test(message)
    ? (/(?:ENOTFOUND|EAI_AGAIN) (\S+)/.exec(message) ?? [])
    : (/EADDRNOTAVAIL[^\n]* (\S+?)(?::\d+)?(?:\n|$)/.exec(message) ?? []);
  if (name !== undefined) {
    return new BitmodelError('LISTEN_FAILED', `${name} is no address of this machine.`, {
      next: 'Pass one that it has with --listen, as 0.0.0.0 for all',
      cause,
    });
  }
  const isTaken = message.includes('EADDRINUSE');
  const [, reason] = /Error: (.*)/.exec(message) ?? [];
  const why = isTaken ? 'another program listens there' : (reason ?? message.split('\n')[0]);
  return new BitmodelError('LISTEN_FAILED', `The node can't listen on ${places}: ${why}.`, {
    next: 'Choose another port with --p2p-port (0 for any free one) or another address with --listen',
    cause,
  });
}

/** A dial that the node's own rules forbid. */
export function forbiddenDial(address: string): BitmodelError {
  return new BitmodelError(
    'PEER_REFUSED',
    `This node connects to the nodes of --connect alone, and ${address} is none of them.`,
    { next: 'Name it with --connect, too, or use --seed-node', exitCode: EXIT.notAllowed },
  );
}

/** What kept a dial from ending in a connection, as far as libp2p says so. */
export function dialError(address: string, cause: unknown): BitmodelError {
  const errors = cause instanceof AggregateError ? cause.errors : [cause];
  const isRefused = errors.some((error) =>
    ['ConnectionInterceptedError', 'DialDeniedError'].includes((error as Error).name),
  );
  const why = messageOf(errors[0] ?? cause);
  return isRefused
    ? new BitmodelError('PEER_REFUSED', `This node doesn't connect to ${address}: ${why}.`, {
        cause,
        exitCode: EXIT.notAllowed,
      })
    : new BitmodelError('DIAL_FAILED', `${address} can't be reached: ${why}.`, {
        cause,
        exitCode: EXIT.unreachable,
      });
}
