/** A random time around another, so that nodes which failed together don't come back together. */
export function around(milliseconds: number): number {
  return milliseconds * (0.5 + Math.random());
}
