import '#src/network/host/polyfill.js';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { type GossipSub, gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { tls } from '@libp2p/tls';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';

const PREFIX = '/bitmodel/regtest/';
/** Protocols of libp2p itself, which no rule of ours reads. */
const OF_LIBP2P = /^(id|ping)\//;

/** Somebody who speaks libp2p as well as any node, and keeps none of our rules. */
export class RawPeer {
  readonly #node: Libp2p<{ gossip: GossipSub }>;
  readonly #target: string;
  #connection!: Connection;

  private constructor(node: Libp2p<{ gossip: GossipSub }>, target: string) {
    this.#node = node;
    this.#target = target;
  }

  /** Connects a new identity to a node. @param target its address with `/p2p/ID` */
  static async connect(target: string): Promise<RawPeer> {
    const node = await createLibp2p({
      privateKey: await generateKeyPair('Ed25519'),
      addresses: { listen: [] },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      connectionGater: { denyDialMultiaddr: () => false },
      connectionManager: { reconnectRetries: 0 },
      services: {
        identify: identify({ protocolPrefix: 'bitmodel/regtest' }),
        gossip: gossipsub({
          globalSignaturePolicy: 'StrictNoSign',
          allowPublishToZeroTopicPeers: true,
          scoreParams: { IPColocationFactorWeight: 0 },
        }),
      },
    });
    await node.start();
    const peer = new RawPeer(node, target);
    await peer.dial();
    return peer;
  }

  get id(): string {
    return this.#node.peerId.toString();
  }

  async dial(): Promise<void> {
    this.#connection = await this.#node.dial(multiaddr(this.#target), {
      signal: AbortSignal.timeout(10_000),
    });
  }

  /** Whether the node has not hung up on it. */
  get isConnected(): boolean {
    return this.#connection.status === 'open';
  }

  /** Whether it is let in again, and stays so for a while: refusals come after the handshake. */
  async canReturn(): Promise<boolean> {
    if (!this.isConnected) await this.dial().catch(() => undefined);
    for (let i = 0; i < 100 && this.isConnected; i++) await pause(100);
    return this.isConnected;
  }

  /** Request protocols of the node, without the network's name; identify tells them a moment after connecting. */
  async protocols(): Promise<string[]> {
    for (let tries = 0; tries < 100; tries++) {
      const { protocols } = await this.#node.peerStore.get(this.#connection.remotePeer);
      const own = protocols
        .filter((name) => name.startsWith(PREFIX))
        .map((name) => name.slice(PREFIX.length))
        .filter((name) => !OF_LIBP2P.test(name));
      if (own.length > 0) return own;
      await pause(50);
    }
    throw new Error('the node did not say what it speaks');
  }

  /** A stream of a protocol, onto which any bytes go. */
  async open(protocol: string): Promise<Stream> {
    return this.#connection.newStream(PREFIX + protocol, {
      signal: AbortSignal.timeout(5_000),
      maxOutboundStreams: 100_000,
    });
  }

  /** Sends a frame of our framing, or anything else, and hangs up the stream's own side. */
  async send(protocol: string, bytes: Uint8Array): Promise<void> {
    const stream = await this.open(protocol);
    stream.send(bytes);
    await stream.close({ signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  }

  async subscribe(topic: string): Promise<void> {
    this.#node.services.gossip.subscribe(PREFIX + topic);
  }

  async publish(topic: string, data: Uint8Array): Promise<void> {
    await this.#node.services.gossip.publish(PREFIX + topic, data).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#node.stop();
  }
}

/** A frame as our protocols have it: its length in LEB128, then its bytes. */
export function frame(bytes: Uint8Array, length = bytes.length): Uint8Array {
  const prefix: number[] = [];
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) prefix.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...prefix, rest, ...bytes]);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
