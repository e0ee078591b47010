import type { JobEvent } from '../job/index.js';

/** What the demo tells while it happens. Amounts are base units. */
export type DemoEvent =
  | { readonly type: 'keys'; readonly people: readonly { name: string; address: string }[] }
  | { readonly type: 'chain'; readonly height: number }
  | { readonly type: 'funded'; readonly gifts: readonly { name: string; amount: bigint }[] }
  | {
      readonly type: 'packed';
      readonly name: string;
      readonly id: string;
      readonly size: number;
      readonly files: number;
    }
  | {
      readonly type: 'published';
      readonly txid: string;
      readonly feePpm: number;
      readonly fees: bigint;
      readonly sources: readonly {
        readonly name: string;
        readonly kind: string;
        readonly parents: readonly { readonly name: string; readonly ppm: number }[];
      }[];
    }
  | {
      readonly type: 'job';
      readonly event: JobEvent;
      readonly who: string;
      readonly height: number;
    }
  | { readonly type: 'block'; readonly height: number; readonly why: string }
  | {
      readonly type: 'settled';
      readonly txid: string;
      readonly name: string;
      readonly amount: bigint;
      readonly shares: readonly {
        readonly name: string;
        readonly amount: bigint;
        readonly to: string;
      }[];
    };

/** What somebody had before and after. Base units. */
export interface BalanceRow {
  readonly name: string;
  readonly before: bigint;
  readonly after: bigint;
}

/** All of the demo, for `--json` and for the closing tables. */
export interface DemoResult {
  /** The honest answer was settled, or the cheat was caught as it should be. */
  readonly ok: boolean;
  readonly cheat: string | undefined;
  readonly prompt: string;
  readonly model: string;
  readonly jobId: string;
  readonly outcome: string;
  readonly text: string;
  readonly tokens: number;
  readonly verdict: string;
  readonly kind: string | undefined;
  readonly position: number | undefined;
  readonly positionsChecked: number;
  readonly generateSeconds: number;
  readonly verifySeconds: number;
  readonly balances: readonly BalanceRow[];
  readonly shares: readonly { readonly name: string; readonly amount: bigint }[];
  readonly height: number;
  readonly seconds: number;
}
