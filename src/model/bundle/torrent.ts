import { BitmodelError, sha256, toHex, utf8 } from '../../base/index.js';
import { type Bencoded, bdecode, bencode, bencodeKey } from './bencode.js';
import { type FileTree, PIECE } from './merkle.js';

/** Name in every info dictionary, so that the id depends on the contents alone (DESIGN 7). */
const NAME = utf8('model');

/** A file and its tree. */
export interface HashedFile extends FileTree {
  /** Names joined by `/`. */
  readonly path: string;
}

/** What an info dictionary says about a file. */
export type InfoFile = Pick<HashedFile, 'path' | 'size' | 'root'>;

function fileTree(files: readonly InfoFile[]): Map<string, Bencoded> {
  const top = new Map<string, Bencoded>();
  for (const { path, size, root } of files) {
    let folder = top;
    for (const name of path.split('/')) {
      const key = bencodeKey(name);
      let next = folder.get(key) as Map<string, Bencoded> | undefined;
      if (next === undefined) {
        next = new Map();
        folder.set(key, next);
      }
      folder = next;
    }
    const leaf = new Map<string, Bencoded>([['length', size]]);
    if (root) leaf.set('pieces root', root);
    folder.set('', leaf);
  }
  return top;
}

function infoOf(files: readonly InfoFile[]): Map<string, Bencoded> {
  return new Map<string, Bencoded>([
    ['file tree', fileTree(files)],
    ['meta version', 2],
    ['name', NAME],
    ['piece length', PIECE],
  ]);
}

/** The info dictionary of the files, whose SHA-256 is the model id. */
export function infoBytes(files: readonly InfoFile[]): Uint8Array {
  return bencode(infoOf(files));
}

/** The model id: the BitTorrent v2 info hash of the files (BEP 52), hex in byte order. */
export function infoHash(files: readonly InfoFile[]): string {
  return toHex(sha256(infoBytes(files)));
}

/**
 * Bytes of a `.torrent` file: the info dictionary, and the piece layers of files longer than a piece.
 * @param webSeed URL at which the files lie (BEP 19), ending in `/`
 */
export function torrentBytes(files: readonly HashedFile[], webSeed?: string): Uint8Array {
  const layers = new Map<string, Bencoded>();
  for (const { root, pieces } of files) if (root && pieces) layers.set(bencodeKey(root), pieces);
  const torrent = new Map<string, Bencoded>([
    ['info', infoOf(files)],
    ['piece layers', layers],
  ]);
  if (webSeed !== undefined) torrent.set('url-list', utf8(webSeed));
  return bencode(torrent);
}

/**
 * Piece layers of a `.torrent`, by the hex root of the file.
 * @throws BitmodelError `BAD_BENCODE`, `BAD_TORRENT`
 */
export function readPieceLayers(bytes: Uint8Array): Map<string, Uint8Array> {
  const torrent = bdecode(bytes);
  const layers = torrent instanceof Map ? torrent.get('piece layers') : undefined;
  if (!(layers instanceof Map)) {
    throw new BitmodelError('BAD_TORRENT', 'The torrent holds no piece layers.', {
      next: 'Make it again with: bitmodel model pack DIR',
    });
  }
  const found = new Map<string, Uint8Array>();
  for (const [root, pieces] of layers as ReadonlyMap<string, Bencoded>) {
    if (pieces instanceof Uint8Array) found.set(toHex(Buffer.from(root, 'latin1')), pieces);
  }
  return found;
}

/** Magnet link of a model (BEP 9; v2 info hashes as multihash, BEP 52). */
export function magnetLink(id: string, name: string): string {
  return `magnet:?xt=urn:btmh:1220${id}&dn=${encodeURIComponent(name)}`;
}
