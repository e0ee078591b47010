import { BitmodelError, concatBytes, EXIT, equalBytes, utf8 } from '../../base/index.js';
import { decodeScript, OP, pushData } from '../../chain/index.js';
import { isPayable, MAXIMUM_OWNER_SCRIPT } from '../declared/declaration.js';
import { PPM } from '../graph/graph.js';

/** What the author of an NFT is to get whenever it is sold, for ever. */
export interface RoyaltyTerms {
  /** Parts per million of the price, 0 to 1,000,000. */
  readonly royaltyPpm: number;
  /** Locking script that is paid, 1 to 100 bytes. */
  readonly author: Uint8Array;
}

const MARK = utf8('bitmodel/nft/1');
/** OP_RETURN, the mark, the royalty, and the longest author. */
const LONGEST = 1 + 1 + MARK.length + 2 + 4 + MAXIMUM_OWNER_SCRIPT;

/**
 * The output script by which the transaction that gives birth to an NFT says what its author gets: `OP_RETURN
 * "bitmodel/nft/1" royalty(u32LE) ‖ author`, two pushes. A category is born once, so nobody can say it again, and no later holder can
 * change it.
 * @throws BitmodelError `BAD_TERMS`
 */
export function encodeRoyalty({ royaltyPpm, author }: RoyaltyTerms): Uint8Array {
  const isPart = Number.isInteger(royaltyPpm) && royaltyPpm >= 0 && royaltyPpm <= PPM;
  if (!isPart || !isPayable(author)) {
    throw new BitmodelError(
      'BAD_TERMS',
      'A royalty is a part of the price, for a script that can be paid.',
      {
        next: 'Give 0 % to 100 %, and an address',
        exitCode: EXIT.usage,
      },
    );
  }
  const ppm = new Uint8Array(4);
  new DataView(ppm.buffer).setUint32(0, royaltyPpm, true);
  const said = pushData(concatBytes(ppm, author));
  return concatBytes(Uint8Array.of(OP.OP_RETURN), pushData(MARK), said);
}

/** What an output script says of a royalty; undefined for anything else. Never throws. */
export function decodeRoyalty(script: Uint8Array): RoyaltyTerms | undefined {
  if (script[0] !== OP.OP_RETURN || script.length > LONGEST) return undefined;
  const [, mark, said] = decodeScript(script).map(({ data }) => data);
  if (!mark || !said || !equalBytes(mark, MARK) || said.length < 5) return undefined;
  const royaltyPpm = new DataView(said.buffer, said.byteOffset).getUint32(0, true);
  const author = said.slice(4);
  if (royaltyPpm > PPM || !isPayable(author)) return undefined;
  const terms = { royaltyPpm, author };
  return equalBytes(encodeRoyalty(terms), script) ? terms : undefined;
}
