import { formatAmount } from '../../base/index.js';
import type { DemoEvent, DemoResult } from '../../demo/index.js';
import type { JobEvent } from '../../job/index.js';
import type { Terminal } from './terminal.js';

/** Columns of a line; ids longer than that stay whole. */
const WIDTH = 80;
const NAME_WIDTH = 12;
const TEXT_WIDTH = WIDTH - 4;

/** First digits of an id, enough to tell it apart. */
function short(id: string | undefined): string {
  return id === undefined ? '' : `${id.slice(0, 12)}…`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function percent(ppm: number): string {
  return `${ppm / 10_000} %`;
}

/** A signed amount, so that a loss and a gain line up. */
function change(units: bigint): string {
  return units > 0n ? `+${formatAmount(units)}` : formatAmount(units);
}

/** What one step of the job means, in words; undefined for what is not told. */
function jobLine(event: JobEvent): string | undefined {
  const { step, txid, fee, count, total, seconds, detail } = event;
  const coins = event.amount === undefined ? '' : formatAmount(event.amount);
  const cost = fee === undefined ? '' : `, network fee ${formatAmount(fee)}`;
  const tx = txid === undefined ? '' : ` (tx ${short(txid)}${cost})`;
  switch (step) {
    case 'announced':
      return `announces job ${short(event.jobId)}, at most ${coins}`;
    case 'offered':
      return event.role === 'worker' ? `offers at ${coins} a token` : undefined;
    case 'escrowed':
      return `locks ${coins} in escrow${tx}; the prompt goes, sealed, to the seller`;
    case 'started':
      return `runs the model on ${count} prompt tokens:`;
    case 'self-checked':
      return `checked its own ${count} tokens before it commits`;
    case 'committed':
      return `commits to ${count} tokens and posts the sealed answer`;
    case 'claimed':
      return `shows its key, takes ${coins}, locks its stake${tx}`;
    case 'opened':
      return `opens the answer: ${count} tokens`;
    case 'checked':
      return count === undefined
        ? `checks what was delivered: ${detail}`
        : `RASTiC: ${detail}; ${count} of ${total} positions in ${seconds?.toFixed(2)} s`;
    case 'contested':
      return `contests with a bond of ${coins}${tx}`;
    case 'counterproof':
      return 'shows what it sealed (counter-proof)';
    case 'judged':
      return `judges: ${detail}`;
    case 'slashed':
      return `the stake is slashed; price and bond go back to the buyer${tx}`;
    case 'cleared':
      return `the seller is cleared${tx}`;
    case 'lapsed':
      return `the dispute lapses${tx}`;
    case 'settled':
      return 'is content: every token is the model’s';
    case 'released':
      return `gets its stake of ${coins} back${tx}`;
    case 'refunded':
      return `has the escrow back${tx}`;
    case 'withdrawn':
    case 'problem':
      return `${step}: ${detail}`;
    default:
      return undefined;
  }
}

/** Tells the demo as it happens, in lines of at most 80 columns where ids allow, and keeps all for `--json`. */
export class DemoStory {
  readonly #terminal: Terminal;
  /** Everything told, in order. */
  readonly events: DemoEvent[] = [];
  #column = 0;
  #slashed = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  tell(event: DemoEvent): void {
    this.events.push(event);
    if (event.type === 'job') this.#job(event.who, event.event);
    else for (const [who, text] of this.#lines(event)) this.#line(who, text);
  }

  /** The closing tables. */
  ending(result: DemoResult): string {
    const rows = result.balances.map(
      ({ name, before, after }) =>
        `  ${name.padEnd(14)}${formatAmount(before).padStart(14)}${formatAmount(after).padStart(14)}${change(after - before).padStart(15)}`,
    );
    const total = result.shares.reduce((sum, { amount }) => sum + amount, 0n);
    const shares = result.shares.map(
      ({ name, amount }) => `  ${name.padEnd(14)}${formatAmount(amount).padStart(14)}`,
    );
    const paid =
      total === 0n
        ? ['', 'the model’s fee: none reached its contract']
        : ['', `the model’s fee of ${formatAmount(total)} reached`, ...shares];
    const timing = `generating took the seller ${result.generateSeconds.toFixed(2)} s, checking ${result.positionsChecked} positions ${result.verifySeconds.toFixed(2)} s`;
    return [
      '',
      `  ${''.padEnd(14)}${'before'.padStart(14)}${'after'.padStart(14)}${'change'.padStart(15)}`,
      ...rows,
      ...paid,
      '',
      timing,
      `${this.#verdictLine(result)} (${result.height} blocks, ${result.seconds.toFixed(1)} s in all)`,
    ].join('\n');
  }

  #verdictLine({ cheat, ok, outcome, kind, position }: DemoResult): string {
    if (cheat === undefined) return ok ? 'Honest, checked, paid.' : `NOT SETTLED: ${outcome}.`;
    const where = position === undefined ? '' : ` at position ${position}`;
    if (ok && outcome === 'settled') return `Allowed, and called valid: ${cheat}.`;
    if (ok) return `Caught: ${kind}${where}.`;
    if (outcome !== 'settled') return `NOT CAUGHT: ${cheat} ended as ${outcome}.`;
    return `NOT CAUGHT: ${cheat} came to tokens that the model gives, too, so there was nothing to catch; try --max-tokens 200.`;
  }

  #job(who: string, event: JobEvent): void {
    if (event.step === 'token') this.#token(event.text ?? '');
    const text = jobLine(event);
    if (text === undefined) return;
    // several may see the end of a dispute; it is told once
    if (event.step === 'slashed' && this.#slashed) return;
    this.#slashed ||= event.step === 'slashed';
    this.#line(who, text);
  }

  #lines(event: Exclude<DemoEvent, { type: 'job' }>): [string, string][] {
    switch (event.type) {
      case 'keys':
        return event.people.map(({ name, address }) => [name, `has a new key: ${address}`]);
      case 'chain':
        return [['miner', `${event.height} blocks mined on a new regtest chain`]];
      case 'funded':
        return [
          [
            'miner',
            `gives out coins: ${event.gifts.map(({ name, amount }) => `${name} ${formatAmount(amount).replace(/\.?0+$/, '')}`).join(', ')}`,
          ],
        ];
      case 'packed':
        return [
          ['author', `packs ${event.name}: ${event.files} files, ${megabytes(event.size)}`],
          ['', `model id ${event.id}`],
        ];
      case 'published':
        return [
          [
            'author',
            `publishes it, for ${percent(event.feePpm)} of each job (tx ${short(event.txid)}, network fees ${formatAmount(event.fees)})`,
          ],
          ...event.sources
            .filter(({ parents }) => parents.length > 0)
            .map(({ name, parents }): [string, string] => [
              '',
              `${name} passes on ${parents.map((parent) => `${percent(parent.ppm)} to ${parent.name}`).join(', ')}`,
            ]),
        ];
      case 'block':
        return [['miner', `block ${event.height} (somebody waits for ${event.why})`]];
      case 'settled':
        return [
          [
            'anyone',
            `splits ${formatAmount(event.amount)} held by ${event.name} (tx ${short(event.txid)}):`,
          ],
          ...event.shares.map(({ name, amount, to }): [string, string] => [
            '',
            `${formatAmount(amount)} to ${name}${to === 'split' ? '’s split contract' : ''}`,
          ]),
        ];
    }
  }

  /** The answer as it is decoded, wrapped. */
  #token(text: string): void {
    if (this.#terminal.json || this.#terminal.quiet) return;
    for (const piece of text.replaceAll('\n', ' ').split(/(?<=\s)/)) {
      if (this.#column + piece.length > TEXT_WIDTH) {
        this.#terminal.write('\n');
        this.#column = 0;
      }
      if (this.#column === 0) this.#terminal.write('    ');
      const shown = this.#column === 0 ? piece.trimStart() : piece;
      this.#terminal.write(shown);
      this.#column += shown.length;
    }
  }

  #line(who: string, text: string): void {
    if (this.#terminal.json || this.#terminal.quiet) return;
    if (this.#column > 0) this.#terminal.write('\n');
    this.#column = 0;
    wrap(text).forEach((line, i) => {
      this.#terminal.line(`${(i === 0 ? who : '').padEnd(NAME_WIDTH)}${line}`);
    });
  }
}

/** Breaks a text between words, so that each line fits behind the name. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > WIDTH - NAME_WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** One object with all of it: amounts as decimal strings. */
export function demoJson(result: DemoResult, events: readonly DemoEvent[]): object {
  const told = events.filter((event) => event.type !== 'job' || event.event.step !== 'token');
  return JSON.parse(
    JSON.stringify({ ...result, events: told }, (_key, value: unknown) =>
      typeof value === 'bigint' ? formatAmount(value) : value,
    ),
  );
}
