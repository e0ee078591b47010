/** Seconds since 1970 on this machine. */
export function secondsNow(): number {
  return Math.floor(Date.now() / 1000);
}
