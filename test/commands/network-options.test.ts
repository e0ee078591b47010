import { describe, expect, it } from 'vitest';
import { networkLine, networkPlan } from '#src/commands/shared/network-options.js';

describe('the network options of a node', () => {
  it('on regtest mean no network unless one of them speaks of it', async () => {
    expect(await networkPlan({}, 'regtest')).toBeUndefined();
    expect(await networkPlan({ p2pPort: '0' }, 'regtest')).toMatchObject({
      listen: ['/ip4/127.0.0.1/tcp/0'],
      seeds: [],
      connect: undefined,
      announce: [],
      maxPeers: undefined,
    });
    const { listen, seeds } = (await networkPlan({ seedNode: ['node.example.org'] }, 'regtest'))!;
    expect([listen, seeds]).toEqual([
      ['/ip4/127.0.0.1/tcp/0'],
      ['/dns/node.example.org/tcp/29732'],
    ]);
  });

  it('on other networks mean the port of the network on all addresses', async () => {
    const { listen } = (await networkPlan({}, 'main'))!;
    expect(listen[0]).toBe('/ip4/0.0.0.0/tcp/9732');
    const moved = (await networkPlan({ p2pPort: '7', announce: ['8.8.8.8'] }, 'test'))!;
    expect(moved.listen[0]).toBe('/ip4/0.0.0.0/tcp/7');
    expect(moved.announce).toEqual(['/ip4/8.8.8.8/tcp/7']);
    expect(await networkPlan({ peers: false }, 'main')).toBeUndefined();
    expect((await networkPlan({ inbound: false }, 'main'))!.listen).toEqual([]);
  });

  it.each([
    [{ announce: ['seller.example'] }, 'main', '/dns/seller.example/tcp/9732'],
    [{ announce: ['seller.example'], p2pPort: '0' }, 'regtest', '/dns/seller.example/tcp/29732'],
    [{ announce: ['8.8.8.8'], seedNode: ['127.0.0.1:1'] }, 'regtest', '/ip4/8.8.8.8/tcp/29732'],
    [{ announce: ['8.8.8.8:5'], p2pPort: '7' }, 'test', '/ip4/8.8.8.8/tcp/5'],
  ] as const)('with %j on %s mean that others are told %s', async (options, network, announced) => {
    const { announce = [], ...others } = options as { announce?: readonly string[] };
    const plan = await networkPlan({ ...others, announce: [...announce] }, network);
    expect(plan!.announce).toEqual([announced]);
  });

  it('let the first line name the address that is announced, not the first that the node listens on', () => {
    const own = ['/ip4/127.0.0.1/tcp/4', '/dns/seller.example/tcp/9700', '/ip4/1.2.3.4/tcp/5'];
    const host = { addresses: () => own.map((address) => `${address}/p2p/ID`) };
    expect(networkLine(host, ['/dns/seller.example/tcp/9700'])).toMatch(
      / \/dns\/seller\.example\/tcp\/9700\/p2p\/ID$/,
    );
    expect(networkLine(host, ['/dns/seller.example/tcp/970'])).toMatch(/ \/ip4\/127/);
    expect(networkLine(host)).toMatch(/ \/ip4\/127\.0\.0\.1\/tcp\/4\/p2p\/ID$/);
    expect(networkLine({ addresses: () => [] })).toMatch(/only dials/);
  });

  it('with --connect mean that nobody is let in unless --listen says where', async () => {
    const connect = ['127.0.0.1:1'];
    expect((await networkPlan({ connect }, 'main'))!.listen).toEqual([]);
    const both = (await networkPlan({ connect, listen: ['[::1]:5'] }, 'main'))!;
    expect(both.listen).toEqual(['/ip6/::1/tcp/5']);
  });

  it.each([
    [{ seedNode: ['a b'] }, 'BAD_ADDRESS'],
    [{ peers: false, seedNode: ['127.0.0.1:1'] }, 'BAD_OPTION'],
    [{ connect: ['127.0.0.1:1'], seedNode: ['127.0.0.1:2'] }, 'BAD_OPTION'],
    [{ maxPeers: '5' }, 'BAD_OPTION'],
    [{ inbound: false }, 'BAD_OPTION'],
    [{ inbound: false, listen: ['127.0.0.1'] }, 'BAD_OPTION'],
    [{ p2pPort: '0', maxPeers: '0' }, 'BAD_OPTION'],
    [{ p2pPort: '70000' }, 'BAD_OPTION'],
    [{ serveModels: false }, 'BAD_OPTION'],
  ])('%j are refused: %s', async (options, code) => {
    await expect(networkPlan(options, 'regtest')).rejects.toMatchObject({ code, exitCode: 2 });
  });
});
