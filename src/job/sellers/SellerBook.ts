import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT, writeFileAtomic } from '../../base/index.js';
import { withFileLock } from '../../chain/index.js';
import {
  checkErrorRates,
  type ErrorRates,
  observe,
  type SequentialState,
} from '../../rastic/index.js';
import {
  decodeSellers,
  encodeSellers,
  MOST_BYTES,
  MOST_SEEN,
  MOST_SELLERS,
  NO_SELLERS,
  type SellerEntry,
  type SellerFile,
} from './sellerFile.js';

/** What the check of one job said about its seller. */
export interface SellerJob {
  /** Public key, hex. */
  readonly seller: string;
  /** Hex. A job is counted once, however often it is checked. */
  readonly jobId: string;
  /** Height at which it was announced. */
  readonly created: number;
  /** ln(p₁/p₀) of each token that was checked. */
  readonly ratios: readonly number[];
  /** Tokens with a margin above zero. */
  readonly flips: number;
}

/** How a seller stands. */
export interface SellerStanding {
  /** Public key, hex. */
  readonly seller: string;
  readonly jobs: number;
  readonly tokens: number;
  readonly flips: number;
  /** Tests that ended for it. */
  readonly passed: number;
  /** Σ ln(p₁/p₀) of the test under way: above zero it speaks for another model. */
  readonly evidence: number;
  /** `left`: a test says that it runs another model, and nothing more is bought of it. */
  readonly verdict: 'open' | 'honest' | 'left';
}

const UNKNOWN: SellerEntry = {
  jobs: 0,
  tokens: 0,
  flips: 0,
  passed: 0,
  evidenceMicro: 0,
  left: false,
  at: 0,
  seen: [],
  forgotten: 0,
};

const short = (jobId: string): string => jobId.slice(0, 16).toLowerCase();

/** Whether a job was counted, or is so old that it can't be told. */
function wasCounted({ seen, forgotten }: SellerEntry, { jobId, created }: SellerJob): boolean {
  return created <= forgotten || seen.some(([id]) => id === short(jobId));
}

/** The jobs seen with one more: the youngest, and how high the others reach. */
function withJob(
  before: SellerEntry,
  { jobId, created }: SellerJob,
): Pick<SellerEntry, 'seen' | 'forgotten'> {
  const all: SellerEntry['seen'] = [...before.seen, [short(jobId), created]];
  const byAge = all.sort(([, a], [, b]) => b - a);
  const forgotten = byAge
    .slice(MOST_SEEN)
    .reduce((most, [, height]) => Math.max(most, height), before.forgotten);
  return { seen: byAge.slice(0, MOST_SEEN), forgotten };
}

function standingOf(seller: string, entry: SellerEntry): SellerStanding {
  const { jobs, tokens, flips, passed, evidenceMicro, left } = entry;
  const verdict = left ? 'left' : passed > 0 ? 'honest' : 'open';
  return { seller, jobs, tokens, flips, passed, evidence: evidenceMicro / 1e6, verdict };
}

/**
 * What a buyer has learnt about sellers over their jobs, in `DATADIR/NETWORK/sellers.json`: for each the state of a sequential
 * test (docs/rastic.md, "A test over jobs"). Nothing in it is secret; processes change it one after the other.
 */
export class SellerBook {
  readonly path: string;
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(path: string, now: () => number = Date.now) {
    this.path = path;
    this.#now = now;
  }

  static of(datadir: string, network: string): SellerBook {
    return new SellerBook(join(datadir, network, 'sellers.json'));
  }

  /** The error rates that tests go by. @throws BitmodelError `BAD_SELLER_FILE` */
  rates(): ErrorRates {
    return this.#read().rates;
  }

  /** Has tests go by other error rates from here on. @throws BitmodelError `BAD_ERROR_RATE`, `BAD_SELLER_FILE`, `SELLERS_BUSY` */
  setRates(rates: ErrorRates): void {
    checkErrorRates(rates);
    const { falseLeave, missed } = rates;
    this.#change((file) => [{ ...file, rates: { falseLeave, missed } }, undefined]);
  }

  /** All sellers, those left first, then by evidence. @throws BitmodelError `BAD_SELLER_FILE` */
  list(): SellerStanding[] {
    const standings = Object.entries(this.#read().sellers).map(([key, entry]) =>
      standingOf(key, entry),
    );
    const isLeft = ({ verdict }: SellerStanding): number => (verdict === 'left' ? 1 : 0);
    return standings.sort((a, b) => isLeft(b) - isLeft(a) || b.evidence - a.evidence);
  }

  /** Sellers that nothing is to be bought of, by key. @throws BitmodelError `BAD_SELLER_FILE` */
  left(): Set<string> {
    return new Set(
      this.list().flatMap(({ seller, verdict }) => (verdict === 'left' ? [seller] : [])),
    );
  }

  /**
   * Counts a job, if it was not counted before, and nothing more of a seller that was left. Of a seller with many jobs those
   * older than the ones remembered are taken for counted.
   * @returns how the seller stands now
   * @throws BitmodelError `BAD_SELLER_FILE`, `SELLERS_BUSY`, `WRITE_FAILED`
   */
  count(job: SellerJob): SellerStanding {
    const { seller, ratios, flips } = job;
    return this.#change((file) => {
      const before = file.sellers[seller] ?? UNKNOWN;
      if (before.left || wasCounted(before, job)) return [file, standingOf(seller, before)];
      let state: SequentialState = {
        passed: before.passed,
        evidence: before.evidenceMicro / 1e6,
        left: false,
      };
      for (const ratio of ratios) state = observe(state, ratio, file.rates);
      const entry: SellerEntry = {
        jobs: before.jobs + 1,
        tokens: before.tokens + ratios.length,
        flips: before.flips + flips,
        passed: state.passed,
        evidenceMicro: Math.round(state.evidence * 1e6),
        left: state.left,
        at: this.#now(),
        ...withJob(before, job),
      };
      const sellers = bounded({ ...file.sellers, [seller]: entry }, seller);
      return [{ ...file, sellers }, standingOf(seller, entry)];
    });
  }

  /** Forgets what was learnt about a seller. @returns whether anything was. @throws BitmodelError `BAD_SELLER_FILE`, `SELLERS_BUSY` */
  forget(seller: string): boolean {
    return this.#change((file) => {
      const { [seller]: known, ...sellers } = file.sellers;
      return known ? [{ ...file, sellers }, true] : [file, false];
    });
  }

  #read(): SellerFile {
    if (!existsSync(this.path)) return NO_SELLERS;
    const { size } = statSync(this.path);
    return decodeSellers(
      size > MOST_BYTES ? ' '.repeat(MOST_BYTES + 1) : readFileSync(this.path, 'utf8'),
      this.path,
    );
  }

  #change<T>(body: (file: SellerFile) => [SellerFile, T]): T {
    try {
      return withFileLock(`${this.path}.lock`, () => {
        const before = this.#read();
        const [after, result] = body(before);
        if (after !== before) writeFileAtomic(this.path, encodeSellers(after), { mode: 0o600 });
        return result;
      });
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError) || thrown.code !== 'WALLET_BUSY') throw thrown;
      throw new BitmodelError(
        'SELLERS_BUSY',
        'Another bitmodel process is writing about sellers.',
        {
          next: `Try again; if none runs, remove ${this.path}.lock`,
          exitCode: EXIT.notAllowed,
          cause: thrown,
        },
      );
    }
  }
}

/** As many sellers as are remembered: those left stay longest, then those seen last. */
function bounded(sellers: SellerFile['sellers'], latest: string): SellerFile['sellers'] {
  const keys = Object.keys(sellers);
  if (keys.length <= MOST_SELLERS) return sellers;
  const rank = (key: string): number => (key === latest ? 2 : sellers[key]!.left ? 1 : 0);
  const order = keys.sort((a, b) => rank(b) - rank(a) || sellers[b]!.at - sellers[a]!.at);
  return Object.fromEntries(order.slice(0, MOST_SELLERS).map((key) => [key, sellers[key]!]));
}
