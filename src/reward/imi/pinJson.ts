/**
 * The JSON in a pin; undefined for anything else. Never throws.
 * @param most longest payload that is read
 */
export function readJson(payload: Uint8Array, most: number): unknown {
  if (payload.length > most) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    // anybody can write anything into a pin
    return undefined;
  }
}
