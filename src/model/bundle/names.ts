/** Characters that some system or the magnet and torrent formats can't carry in a name; half a surrogate pair is no text. */
const UNPORTABLE = /[\\/:*?"<>|\p{Cc}\p{Cs}\ufffd]|[. ]$/u;
/** Names that stand for devices on Windows, whatever follows a dot. Source: Microsoft, "Naming Files, Paths, and Namespaces". */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/iu;
/** Longest name of a file or folder, in bytes of UTF-8. */
const MAX_NAME = 255;

/** Whether a name takes no part in the identity: dotfiles, our own records, torrents (DESIGN 7). */
export function isExcluded(name: string): boolean {
  return (
    name.startsWith('.') ||
    name === 'bitmodel.json' ||
    name.endsWith('.calibration.json') ||
    name.endsWith('.torrent')
  );
}

/** Whether a name is, where cases are not told apart, that of our records, which are no part of the identity. */
function isOursInDisguise(name: string): boolean {
  return !isExcluded(name) && isExcluded(foldName(name));
}

/** Whether a name means the same file on every system, and no other folder. */
export function isPortable(name: string): boolean {
  return (
    name !== '' &&
    !UNPORTABLE.test(name) &&
    !RESERVED.test(name) &&
    !isOursInDisguise(name) &&
    name === name.normalize('NFC') &&
    Buffer.byteLength(name) <= MAX_NAME
  );
}

/** A name as systems compare it that do not tell cases apart: two of one fold can't lie in one folder there. */
export function foldName(name: string): string {
  return name.toUpperCase().toLowerCase().normalize('NFC');
}

/**
 * Whether a path inside a bundle's folder is one that its identity covers, wherever it is unpacked: names joined by `/`, each of
 * which travels, none of which is left out. Whatever a bundle's files name must be such a path, or the id would not bind it.
 */
export function isBundlePath(path: string): boolean {
  return path.split('/').every((name) => isPortable(name) && !isExcluded(name));
}
