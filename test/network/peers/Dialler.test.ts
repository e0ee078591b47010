import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Host } from '#src/network/index.js';
import { BanList } from '#src/network/peers/BanList.js';
import { Dialler, type DiallerOptions } from '#src/network/peers/Dialler.js';
import { PeerBook } from '#src/network/peers/PeerBook.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from '../host/hosts.js';
import { idOf } from './ids.js';

const hosts = new Hosts();
const diallers = new Set<Dialler>();
const onWarning = (): undefined => undefined;

function dial(name: string, host: Host, options: Partial<DiallerOptions>) {
  const folder = join(hosts.folder, name);
  const book = new PeerBook({ folder, onWarning });
  const bans = new BanList({ path: join(folder, 'bans.json'), onWarning });
  const dialler = new Dialler({
    host,
    book,
    bans,
    fixed: [],
    fixedName: 'seed',
    outbound: 8,
    ...options,
  });
  diallers.add(dialler);
  return { book, bans, dialler };
}

/** Tells a book of a host, at its own address unless stated. */
function tell(book: PeerBook, peer: string, address: string): void {
  const addresses = [address.replace(/\/p2p\/.*/, '')];
  book.hear({ peer, addresses, origin: 'exchange', source: 'loopback' });
}

afterAll(async () => {
  for (const dialler of diallers) dialler.close();
  await hosts.close();
});

describe('a dialler', () => {
  it('sees whether a peer that was only heard of is there, and lets go of it', async () => {
    const own = await hosts.start('own');
    const chosen = await hosts.start('chosen');
    const heard = await hosts.start('heard of');
    const fixed = [addressOf(chosen)];
    const { book, dialler } = dial('feeling', own, { fixed, outbound: 1, feelerWait: 300 });
    await until(() => own.isConnected(chosen.id));
    tell(book, heard.id, addressOf(heard));
    await until(() => book.get(heard.id)!.tried);
    await until(() => !own.isConnected(heard.id));
    expect(dialler.chosen().map(({ peer }) => peer)).toEqual([chosen.id]);
    expect(dialler.anchors()).toEqual([chosen.id]);
  });

  it('takes nobody else for the peer that it dials', async () => {
    const own = await hosts.start('own 2');
    const other = await hosts.start('other');
    const { book } = dial('mistaken', own, {});
    tell(book, idOf('somebody'), addressOf(other));
    await until(() => (book.get(idOf('somebody'))?.failures ?? 0) > 0);
    expect(own.isConnected(other.id)).toBe(false);
  });

  it('dials nobody who is banned, and nobody at all while it is switched off', async () => {
    const own = await hosts.start('own 3');
    const other = await hosts.start('banned');
    const { book, bans, dialler } = dial('banning', own, {});
    dialler.isActive = false;
    tell(book, other.id, addressOf(other));
    bans.add(other.id, Date.now() + 1e6, 'test');
    await new Promise((resolve) => setTimeout(resolve, 700));
    dialler.isActive = true;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(book.get(other.id)!.lastTried).toBe(0);
    bans.clear();
    await until(() => own.isConnected(other.id));
  });

  it('forgets an address that it is told to, and dials it no more', async () => {
    const own = await hosts.start('own 4');
    const other = await hosts.start('removed');
    const { dialler } = dial('removing', own, { outbound: 0 });
    const address = addressOf(other);
    expect([dialler.add(address), dialler.add(address)]).toEqual([true, false]);
    await until(() => own.isConnected(other.id));
    expect([dialler.remove(address), dialler.remove(address)]).toEqual([true, false]);
    await own.disconnect(other.id);
    await new Promise((resolve) => setTimeout(resolve, 1_800));
    expect(own.isConnected(other.id)).toBe(false);
  });
});
