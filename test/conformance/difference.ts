/** Cases of a public vector file that our machine must answer otherwise than the file says, for one reason. */
export interface Difference {
  readonly name: string;
  readonly reason: string;
  /** Our result → numbers of the cases in the file, counted from 1. */
  readonly ours: Readonly<Record<string, readonly number[]>>;
}

/** How one case went. */
export interface Played {
  /** Number of the case in its file, counted from 1. */
  readonly number: number;
  readonly ours: string;
  /** Whether that is what the file says. */
  readonly same: boolean;
}

/** The cases whose result is not the file's, as {@link Difference.ours} has them. */
export function differing(played: readonly Played[]): Record<number, string> {
  const others = played.filter(({ same }) => !same);
  return Object.fromEntries(others.map(({ number, ours }) => [number, ours]));
}

/** What the table demands, in the same form; fails where a case has two reasons. */
export function demanded(differences: readonly Difference[]): Record<number, string> {
  const cases: Record<number, string> = {};
  for (const { ours } of differences) {
    for (const [result, numbers] of Object.entries(ours)) {
      for (const number of numbers) {
        if (cases[number] !== undefined) throw new Error(`case ${number} is listed twice`);
        cases[number] = result;
      }
    }
  }
  return cases;
}
