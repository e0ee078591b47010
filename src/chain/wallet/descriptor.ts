/** Output descriptors (BIP380, BIP381): the form in which wallets tell each other what to watch. */

const INPUT =
  '0123456789()[],\'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\ ';
const OUTPUT = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0xf5dee51989n, 0xa9fdca3312n, 0x1bab10e32dn, 0x3706b1677an, 0x644d626ffdn];

function step(checksum: bigint, value: number): bigint {
  const top = checksum >> 35n;
  const shifted = ((checksum & 0x7ffffffffn) << 5n) ^ BigInt(value);
  return GENERATOR.reduce((sum, g, i) => ((top >> BigInt(i)) & 1n ? sum ^ g : sum), shifted);
}

/**
 * The eight characters that go behind a descriptor and its `#`.
 * @throws RangeError for a character that no descriptor has
 */
export function descriptorChecksum(descriptor: string): string {
  let checksum = 1n;
  const classes: number[] = [];
  for (const character of descriptor) {
    const at = INPUT.indexOf(character);
    if (at < 0) throw new RangeError('no character of a descriptor');
    checksum = step(checksum, at & 31);
    classes.push(at >> 5);
    if (classes.length === 3) {
      checksum = step(
        checksum,
        classes.splice(0).reduce((sum, each) => sum * 3 + each, 0),
      );
    }
  }
  if (classes.length > 0)
    checksum = step(
      checksum,
      classes.reduce((sum, each) => sum * 3 + each),
    );
  for (let i = 0; i < 8; i++) checksum = step(checksum, 0);
  checksum ^= 1n;
  return Array.from(
    { length: 8 },
    (_, i) => OUTPUT[Number((checksum >> BigInt(5 * (7 - i))) & 31n)]!,
  ).join('');
}

/** A descriptor with its checksum. */
export function withDescriptorChecksum(descriptor: string): string {
  return `${descriptor}#${descriptorChecksum(descriptor)}`;
}

/** Descriptors of an account's receiving and change chain. */
export function accountDescriptors(xpub: string): readonly [receive: string, change: string] {
  return [withDescriptorChecksum(`pkh(${xpub}/0/*)`), withDescriptorChecksum(`pkh(${xpub}/1/*)`)];
}
