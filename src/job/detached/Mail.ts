import { BitmodelError, toHex, utf8 } from '../../base/index.js';
import type { ChainClient, KeyPair } from '../../chain/index.js';
import { type Letter, openLetter, parseLetter, writeLetter } from './letter.js';
import type { LetterResult } from './Mailbox.js';
import { type Note, parseNote } from './notes.js';

/** A note, and who wrote it. */
export interface ReceivedNote {
  /** Compressed public key, hex. */
  readonly from: string;
  readonly note: Note;
}

/** The node that is asked. */
type Node = { readonly rpc: Pick<ChainClient['rpc'], 'call'> };

/** Notes to and from one key, through its node. */
export class Mail {
  readonly #node: Node;
  readonly #key: KeyPair;
  #after = 0;
  #peerId: string | undefined;

  constructor(node: Node, key: KeyPair) {
    this.#node = node;
    this.#key = key;
  }

  /** Peer id of the node, as it was last told; undefined while it is on no network. */
  get node(): string | undefined {
    return this.#peerId;
  }

  /** Sends a note. @param node peer id of the reader's node; absent where it is this one */
  send(to: string, node: string | undefined, note: Note): Promise<LetterResult> {
    return this.post(this.write(to, node, note));
  }

  /** Writes a letter, which can be posted again and again and stays the same. */
  write(to: string, node: string | undefined, note: Note): Letter {
    const bytes = utf8(JSON.stringify(note));
    return writeLetter(to, node, bytes, this.#key.privateKey);
  }

  /** Posts a letter. */
  post(letter: Letter): Promise<LetterResult> {
    return this.#node.rpc.call<LetterResult>('sendletter', letter);
  }

  /** Notes that have come since the last time; what can't be read is left aside. */
  async receive(): Promise<ReceivedNote[]> {
    const to = toHex(this.#key.publicKey);
    const { letters, next, node } = await this.#node.rpc.call<{
      letters: unknown[];
      next: number;
      node?: string;
    }>('listletters', to, this.#after);
    this.#after = next;
    this.#peerId = node;
    return letters.flatMap((letter) => this.#read(letter));
  }

  #read(value: unknown): ReceivedNote[] {
    try {
      const letter: Letter = parseLetter(value);
      const text = new TextDecoder().decode(openLetter(letter, this.#key.privateKey));
      return [{ from: letter.from, note: parseNote(JSON.parse(text)) }];
    } catch (thrown) {
      // anybody can send anything to a key that is known
      if (thrown instanceof BitmodelError || thrown instanceof SyntaxError) return [];
      throw thrown;
    }
  }
}
