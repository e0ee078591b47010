/** An axis: where values lie between its ends, and which of them are written beside it. */
export interface Scale {
  /** From 0 at the axis's begin to 1 at its end. */
  place(value: number): number;
  readonly ticks: readonly (readonly [value: number, label: string])[];
  /** Whether it is one of names, each with a part of the axis to itself. */
  readonly isNames?: boolean;
}

/** What is drawn in a panel. Bars stand side by side where several series have some. */
export interface Series {
  readonly label: string;
  readonly form: 'points' | 'line' | 'dashes' | 'bars';
  readonly at: readonly (readonly [x: number, y: number])[];
}

/** One diagram of a chart. */
export interface Panel {
  readonly title: string;
  readonly x: Scale;
  readonly y: Scale;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

/** 1 and 2 and 5 times powers of ten, so that an axis has four to eight ticks. */
function niceStep(span: number): number {
  const rough = span / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

/** A linear axis from 0 to `most`, its ticks in these units. */
export function linearScale(most: number, unit = ''): Scale {
  const end = most > 0 ? most : 1;
  const step = niceStep(end);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks: [number, string][] = [];
  for (let i = 0; i * step <= end * (1 + 1e-9); i++) {
    ticks.push([i * step, `${(i * step).toFixed(digits)}${unit}`]);
  }
  return { place: (value) => value / end, ticks };
}

/** A logarithmic axis from a power of ten to a power of ten, around these values above 0. */
export function logScale(least: number, most: number): Scale {
  const low = Math.floor(Math.log10(least) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(most) - 1e-9));
  const ticks = Array.from({ length: high - low + 1 }, (_, i): [number, string] => {
    const exponent = low + i;
    const plain = Math.abs(exponent) <= 3;
    return [10 ** exponent, plain ? String(Number(`1e${exponent}`)) : `1e${exponent}`];
  });
  return { place: (value) => (Math.log10(value) - low) / (high - low), ticks };
}

/** An axis of names, each in the middle of its part. */
export function nameScale(names: readonly string[]): Scale {
  const count = Math.max(1, names.length);
  return {
    place: (value) => (value + 0.5) / count,
    ticks: names.map((name, i) => [i, name]),
    isNames: true,
  };
}
