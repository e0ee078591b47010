import { BitmodelError, fromHex, toHex } from '../../base/index.js';
import type { ServedModels } from '../../model/index.js';
import type { GossipVerdict, Host, PeerId } from '../host/Host.js';
import { isSignedBy, peerIdBytes, peerIdFromBytes } from '../host/peerKeys.js';
import { RateLimit } from '../limits/RateLimit.js';
import { readMultiaddr, type Scope, scopeOf } from '../peers/addresses.js';
import { isSayable } from '../peers/PeerExchange.js';
import {
  announcementMessage,
  decodeAnnouncement,
  encodeAnnouncement,
  isAnnounceable,
  MAX_ANNOUNCEMENT,
  MOST_ADDRESSES,
  MOST_ANNOUNCED,
  type SignedAnnouncement,
} from './announcement.js';
import type { Claims } from './Claims.js';

const TOPIC = 'models/1';
/** A third of the time for which a claim counts, so that one lost announcement changes nothing. */
const REPEAT = 10 * 60_000;
/** How often it is looked whether there are other models or new peers, and least time between two announcements. */
const LOOK = 5_000;
const LEAST = 30_000;
/** Seconds by which another node's clock may be off. */
const CLOCK_SLACK = 600;
/** Signatures checked for one neighbour, of nodes known here: it passes on what all others say. */
const FROM_NEIGHBOUR = { perSecond: 20, burst: 1_000 };
/** And of nodes that are new here: names cost nothing. */
const NEW_FROM_NEIGHBOUR = { perSecond: 2, burst: 512 };

/** What is announced, and where. */
export interface AnnouncerOptions {
  readonly host: Host;
  /** `main`, `test` or `regtest`. */
  readonly network: string;
  readonly claims: Claims;
  /** What this node says it holds; undefined: it says nothing. */
  readonly models: ServedModels | undefined;
  readonly onWarning: (message: string) => void;
}

/** Tells others which models this node holds, signed with its key, and takes in what they say. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #known = new RateLimit(FROM_NEIGHBOUR);
  readonly #new = new RateLimit(NEW_FROM_NEIGHBOUR);
  readonly #timer: NodeJS.Timeout;
  readonly #onNews = (): void => {
    this.#isDue = true;
  };
  #isDue = true;
  #said = '';
  #saidAt = Number.NEGATIVE_INFINITY;
  #lastTime = 0;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    const { host } = options;
    host.join({
      name: TOPIC,
      maxBytes: MAX_ANNOUNCEMENT,
      validate: (data, from) => this.#validate(data, from),
    });
    // whoever is new has not heard what was said before
    host.on('connect', this.#onNews);
    // and whoever has heard it would look for this node where it no longer is
    host.on('addresses', this.#onNews);
    this.#timer = setInterval(() => this.#look(), LOOK);
    this.#timer.unref();
  }

  /** Says at once what is held, such as after publishing or fetching a model. */
  async announce(): Promise<void> {
    const { host, network, models } = this.#options;
    const ids = (await models?.ids())?.slice(-MOST_ANNOUNCED) ?? [];
    if (ids.length === 0 && this.#said === '') return;
    // two within a second would be of one time, and the later one would not count
    const time = Math.max(Math.floor(Date.now() / 1000), this.#lastTime + 1);
    const announcement = {
      peer: await peerIdBytes(host.id),
      time,
      addresses: host.addresses().filter(isAnnounceable).slice(0, MOST_ADDRESSES),
      ids: ids.map((id) => fromHex(id)),
    };
    this.#lastTime = time;
    this.#said = ids.join();
    this.#saidAt = performance.now();
    this.#isDue = false;
    const signature = await host.sign(announcementMessage(network, announcement));
    await host.publish(TOPIC, encodeAnnouncement({ ...announcement, signature }));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#options.host.off('connect', this.#onNews);
    this.#options.host.off('addresses', this.#onNews);
  }

  async #look(): Promise<void> {
    try {
      const age = performance.now() - this.#saidAt;
      if (age < LEAST || this.#options.host.connections().length === 0) return;
      const ids = (await this.#options.models?.ids())?.slice(-MOST_ANNOUNCED).join() ?? '';
      if (this.#isDue || age > REPEAT || ids !== this.#said) await this.announce();
    } catch (thrown) {
      this.#options.onWarning(`models are not announced: ${String(thrown)}`);
    }
  }

  async #validate(data: Uint8Array, from: PeerId): Promise<GossipVerdict> {
    let said: SignedAnnouncement;
    let peer: PeerId;
    try {
      said = decodeAnnouncement(data);
      peer = await peerIdFromBytes(said.peer);
    } catch (thrown) {
      if (thrown instanceof BitmodelError) return 'reject';
      throw thrown;
    }
    const { network, claims, host } = this.#options;
    if (Math.abs(said.time - Date.now() / 1000) > CLOCK_SLACK) return 'ignore';
    const known = claims.of(peer);
    if (known && known.time >= said.time) return 'ignore';
    if (!(known ? this.#known : this.#new).take(from)) return 'ignore';
    const message = announcementMessage(network, said);
    if (!(await isSignedBy(said.peer, message, said.signature))) return 'reject';
    if (peer === host.id) return 'ignore';
    const over = scopeOver(host, from);
    const addresses = said.addresses.filter((address) => mayBeDialled(address, over));
    claims.add(peer, { ids: new Set(said.ids.map(toHex)), addresses, time: said.time }, from);
    return 'accept';
  }
}

function scopeOver(host: Host, peer: PeerId): Scope {
  const connection = host.connections().find((each) => each.peer === peer && !each.isRelayed);
  const at = connection && readMultiaddr(connection.address);
  return (at && scopeOf(at.host)) ?? 'public';
}

/** Whether an address may be dialled on a stranger's word. */
function mayBeDialled(address: string, over: Scope): boolean {
  const at = readMultiaddr(address);
  return at !== undefined && isSayable(at, over);
}
