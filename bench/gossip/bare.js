import { createHash, randomBytes } from 'node:crypto';

Promise.withResolvers ??= function withResolvers() {
  let resolve;
  let reject;
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};
const { createLibp2p } = await import('libp2p');
const { gossipsub } = await import('@libp2p/gossipsub');
const { identify } = await import('@libp2p/identify');
const { noise } = await import('@libp2p/noise');
const { tcp } = await import('@libp2p/tcp');
const { yamux } = await import('@libp2p/yamux');

const TOPIC = 'bench';
const id = (data) => new Uint8Array(createHash('sha256').update(data).digest());

/** libp2p's gossipsub as it comes, with nobody who looks at what is passed on. */
export async function startBare(count, links, messages, bytes) {
  const nodes = [];
  for (let i = 0; i < count; i++) {
    nodes.push(
      await createLibp2p({
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        connectionGater: { denyDialMultiaddr: () => false },
        connectionManager: {
          inboundConnectionThreshold: 1000,
          maxIncomingPendingConnections: 1000,
        },
        services: {
          identify: identify(),
          pubsub: gossipsub({
            globalSignaturePolicy: 'StrictNoSign',
            allowPublishToZeroTopicPeers: true,
            msgIdFn: ({ data }) => id(data),
            scoreParams: { IPColocationFactorWeight: 0 },
          }),
        },
      }),
    );
  }
  for (const node of nodes) node.services.pubsub.subscribe(TOPIC);
  for (const [from, to] of links) await nodes[from].dial(nodes[to].getMultiaddrs()[0]);
  const texts = Array.from({ length: messages }, () => {
    const data = randomBytes(bytes);
    return { data: new Uint8Array(data), key: data.subarray(0, 32).toString('hex') };
  });
  return {
    messages: texts,
    onArrival(heard) {
      for (const [i, node] of nodes.entries()) {
        node.services.pubsub.addEventListener('message', ({ detail }) =>
          heard(i, Buffer.from(detail.data.subarray(0, 32)).toString('hex')),
        );
      }
    },
    say: (i, { data }) => nodes[i].services.pubsub.publish(TOPIC, data),
    close: () => Promise.all(nodes.map((node) => node.stop())),
  };
}
