import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../../until.js';
import { connect, ended, Parties } from './setup.js';

const parties = new Parties();
afterAll(() => parties.close());

describe('a model held by a node that nobody can dial', () => {
  it('comes over a relay to another such node', async () => {
    const relay = await parties.start('relay');
    const hidden = await parties.start('hidden', { listen: [] });
    const hermit = await parties.start('hermit', { listen: [] });
    const id = await parties.give([hidden]);
    await connect(hidden, [relay]);
    await connect(hermit, [relay]);
    await until(() => hidden.peers.host.addresses().some((each) => each.includes('p2p-circuit')));
    const address = hidden.peers.host.addresses().find((each) => each.includes('p2p-circuit'))!;
    await connect(hermit, [{ address }]);
    expect(hermit.peers.host.connections().find(({ peer }) => peer === hidden.id)).toMatchObject({
      isRelayed: true,
    });
    hermit.exchange.pulls.start({ id, about: { name: 'relayed' } });
    expect(await ended(hermit, id)).toMatchObject({ state: 'done', badPieces: 0 });
    expect((await hermit.exchange.holders(id)).map(({ peer }) => peer)).toEqual([hidden.id]);
  });
});
