import { multiaddr } from '@multiformats/multiaddr';
import type { Host } from '#src/network/index.js';

/** Whether a host passes on for others, as a stranger of libp2p's own finds it on loopback. */
export async function speaksHop(host: Host, port: number): Promise<boolean> {
  const [{ createLibp2p }, { tcp }, { tls }, { yamux }] = await Promise.all([
    import('libp2p'),
    import('@libp2p/tcp'),
    import('@libp2p/tls'),
    import('@libp2p/yamux'),
  ]);
  const stranger = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false },
  });
  try {
    const hop = '/libp2p/circuit/relay/0.2.0/hop';
    const at = multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${host.id}`);
    const stream = await stranger.dialProtocol(at, hop);
    stream.abort(new Error('seen enough'));
    return true;
  } catch (thrown) {
    if ((thrown as Error).name === 'UnsupportedProtocolError') return false;
    throw thrown;
  } finally {
    await stranger.stop();
  }
}
