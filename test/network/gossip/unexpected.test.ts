import { afterAll, describe, expect, it, vi } from 'vitest';
import { MempoolSync } from '#src/network/gossip/MempoolSync.js';
import { until } from '../../until.js';
import { Hosts } from '../host/hosts.js';
import { connect, Members } from '../sync/chains.js';

const hosts = new Hosts();
const members = new Members(hosts);
afterAll(async () => {
  await members.close();
  await hosts.close();
});

describe('what nobody expects while transactions are fetched', () => {
  it('is told as a warning, and ends nothing', async () => {
    const member = await members.start();
    const other = await members.start();
    await connect(member, other);
    const sync = new MempoolSync({
      host: member.host,
      node: member.node,
      penalties: { penalise: () => undefined },
      take: () => Promise.resolve(),
      isWanted: () => true,
    });
    vi.spyOn(member.host, 'request').mockRejectedValue(new Error('out of ideas'));
    sync.follow(other.host.id, [new Uint8Array(32)]);
    await until(() => member.warnings.length > 0);
    sync.close();
    expect(member.warnings.join()).toMatch(/Mempools: out of ideas/);
    expect(hosts.unhandled).toEqual([]);
  });
});
