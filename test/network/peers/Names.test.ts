import { describe, expect, it } from 'vitest';
import { readMultiaddr, scopeOf } from '#src/network/peers/addresses.js';
import { type Lookup, Names } from '#src/network/peers/Names.js';
import { isSayable } from '#src/network/peers/PeerExchange.js';

/** A resolver that knows some names, and counts what it is asked. */
function resolver(known: Readonly<Record<string, readonly string[]>>) {
  const asked: string[] = [];
  const lookup: Lookup = async (name, { family }) => {
    asked.push(name);
    const found = known[name];
    if (!found) throw new Error('ENOTFOUND');
    const isWanted = (address: string): boolean =>
      family === 0 || (family === 6) === address.includes(':');
    return found.filter(isWanted).map((address) => ({ address }));
  };
  return { names: new Names(lookup), asked };
}

describe('names in addresses', () => {
  it('are looked up by the resolver of the machine', async () => {
    const found = await new Names().resolve('/dns/localhost/tcp/9732');
    expect(found.length).toBeGreaterThan(0);
    for (const each of found) expect(each).toMatch(/^\/(ip4\/127\.0\.0\.1|ip6\/::1)\/tcp\/9732$/);
  });

  it('become the IP addresses that they stand for, four at most, of the version that was asked for', async () => {
    const many = Array.from({ length: 9 }, (_, index) => `203.0.114.${index + 1}`);
    const { names } = resolver({ 'node.example.org': ['198.52.0.1', '2001:db9::1'], many });
    expect(await names.resolve('/dns/node.example.org/tcp/1/p2p/X')).toEqual([
      '/dns/node.example.org/tcp/1/p2p/X',
    ]);
    const plain = (protocol: string): Promise<string[]> =>
      names.resolve(`/${protocol}/node.example.org/tcp/1`);
    expect(await plain('dns')).toEqual(['/ip4/198.52.0.1/tcp/1', '/ip6/2001:db9::1/tcp/1']);
    expect(await plain('dns4')).toEqual(['/ip4/198.52.0.1/tcp/1']);
    expect(await plain('dns6')).toEqual(['/ip6/2001:db9::1/tcp/1']);
    expect(await names.resolve('/dns/many/tcp/1')).toHaveLength(4);
    expect(await names.resolve('/ip4/10.0.0.1/tcp/1')).toEqual(['/ip4/10.0.0.1/tcp/1']);
  });

  it('of the internet that lead to this machine or a private network are refused', async () => {
    const hosts = [
      '127.0.0.1',
      '10.1.2.3',
      '192.168.0.1',
      '169.254.1.1',
      '::1',
      'fd00::1',
      '0.0.0.0',
    ];
    for (const host of hosts) {
      const { names } = resolver({ 'evil.example.org': [host] });
      await expect(names.resolve('/dns/evil.example.org/tcp/1')).rejects.toMatchObject({
        code: 'NAME_REFUSED',
      });
    }
    const { names } = resolver({ 'evil.example.org': ['10.1.2.3', '198.52.0.1'] });
    expect(await names.resolve('/dns/evil.example.org/tcp/1')).toEqual(['/ip4/198.52.0.1/tcp/1']);
  });

  it('of the own network may lead there', async () => {
    const { names } = resolver({ 'node.lan': ['192.168.0.9'], laptop: ['127.0.1.1'] });
    expect(await names.resolve('/dns/node.lan/tcp/1')).toEqual(['/ip4/192.168.0.9/tcp/1']);
    expect(await names.resolve('/dns/laptop/tcp/1')).toEqual(['/ip4/127.0.1.1/tcp/1']);
  });

  it('that nobody knows are an error, and asked for again', async () => {
    const { names, asked } = resolver({});
    for (let i = 0; i < 2; i++) {
      await expect(names.resolve('/dns/gone.example.org/tcp/1')).rejects.toMatchObject({
        code: 'NAME_UNKNOWN',
      });
    }
    expect(asked).toHaveLength(2);
  });

  it('are asked for once a minute, two at a time, and refused where too many wait', async () => {
    let underWay = 0;
    let most = 0;
    let asked = 0;
    const names = new Names(async () => {
      asked++;
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay--;
      return [{ address: '198.52.0.1' }];
    });
    const all = Array.from({ length: 50 }, (_, index) =>
      names.resolve(`/dns/n${index}.example.org/tcp/1`).then(
        () => 'found',
        () => 'refused',
      ),
    );
    const outcomes = await Promise.all(all);
    expect(outcomes.filter((each) => each === 'found')).toHaveLength(34);
    expect([most, asked]).toEqual([2, 34]);
    await names.resolve('/dns/n0.example.org/tcp/2');
    expect(asked).toBe(34);
  });

  it('reach as far as their kind, and strangers may speak only of those of the internet', () => {
    expect(
      ['node.example.org', 'a.b.', 'laptop', 'x.local', 'y.home.arpa', 'localhost'].map(scopeOf),
    ).toEqual(['public', 'public', 'private', 'private', 'private', 'loopback']);
    const at = (name: string) => readMultiaddr(`/dns/${name}/tcp/9732`)!;
    expect(isSayable(at('node.example.org'), 'public')).toBe(true);
    expect(isSayable(at('router.lan'), 'public')).toBe(false);
    expect(isSayable(at('router.lan'), 'private')).toBe(false);
    expect(isSayable(at('localhost'), 'private')).toBe(false);
    expect(isSayable(at('localhost'), 'loopback')).toBe(true);
  });
});
