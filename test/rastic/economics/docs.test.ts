import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_MARKET,
  divergenceTable,
  marketChart,
  marketTable,
  samplesTable,
  simulateMarket,
  tamperingTable,
} from '#src/rastic/index.js';

const docs = readFileSync('docs/rastic.md', 'utf8');

describe('docs/rastic.md', () => {
  it.each([
    ['what sampling finds', tamperingTable],
    ['how many samples are needed', samplesTable],
    ['what shows another model', divergenceTable],
    ['what a market pays', () => marketTable([0, 0.1, 0.2, 1])],
  ])('says %s as it is computed', (_, table) => {
    expect(docs).toContain(table());
  });

  it('shows the market as it is drawn', () => {
    const market = simulateMarket({ ...DEFAULT_MARKET, auditRate: 0.1 });
    expect(readFileSync('docs/market.svg', 'utf8')).toBe(marketChart(market));
  });
});
