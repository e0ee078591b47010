import { describe, expect, it } from 'vitest';
import type { ChainClient } from '#src/chain/index.js';
import { PromptCourier } from '#src/job/client/PromptCourier.js';
import type { ClientRecord } from '#src/job/client/record.js';
import type { JobEvent } from '#src/job/index.js';
import { until } from '../until.js';

describe('the courier of prompts', () => {
  it('tells of a node that answers nonsense, and tries again', async () => {
    let asked = 0;
    const answers = [null, { status: 'new' }];
    const call = async (): Promise<unknown> => answers[asked++];
    const told: Omit<JobEvent, 'role'>[] = [];
    const courier = new PromptCourier({ rpc: { call } } as unknown as ChainClient, (event) =>
      told.push(event),
    );
    const record = {
      id: 'job',
      escrow: { offer: { author: 'seller' } },
    } as unknown as ClientRecord;
    await until(() => {
      courier.bring(record, 1, true);
      return told.length === 2;
    });
    expect(asked).toBe(2);
    expect(told.map(({ step }) => step)).toEqual(['problem', 'accepted']);
  });
});
