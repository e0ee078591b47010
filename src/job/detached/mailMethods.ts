import { type MethodHelp, OWN_GROUP, RPC_CODE, RpcError } from '../../chain/index.js';
import type { MethodTable } from '../pool/methods.js';
import { publicKeySchema } from '../spec.js';
import { Mailbox } from './Mailbox.js';

const SENDLETTER: MethodHelp = {
  group: OWN_GROUP,
  summary:
    'Brings a sealed letter to the node at which its reader asks for it, over the network where that is another.',
  params: [{ name: 'letter', type: 'any', about: 'The letter, as docs/protocol.md has it.' }],
  result:
    'An object: status (new, known, refused or undelivered) and, where it was not taken, reason.',
  example: '"$(cat letter.json)"',
};

const LISTLETTERS: MethodHelp = {
  group: OWN_GROUP,
  summary:
    'Letters that wait here for a key, the oldest first. Whoever asks is there for 15 seconds: letters to others are not taken.',
  params: [
    { name: 'to', type: 'string', about: 'Compressed public key, hex.' },
    {
      name: 'after',
      type: 'number',
      default: '0',
      about: 'Forget the letters up to this cursor: they were read.',
    },
  ],
  result:
    'An object: letters; next, the cursor of the last one; node, the id of this node where it is on a network.',
  errors: [[-8, 'The key or the cursor is malformed.']],
  example: '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
};

/** Gives a node's RPC `sendletter` and `listletters`. @returns the letters; see {@link Mailbox.deliverBy} */
export function registerMailbox(server: MethodTable): Mailbox {
  const mailbox = new Mailbox();
  server.register('sendletter', ([letter]) => mailbox.send(letter), SENDLETTER);
  server.register(
    'listletters',
    ([to, after = 0]) => {
      const isKey = publicKeySchema.safeParse(to).success;
      if (!isKey || !Number.isSafeInteger(after)) {
        throw new RpcError(
          RPC_CODE.invalidParameter,
          'Pass a compressed public key, and a cursor that was given before.',
        );
      }
      return mailbox.list(to as string, after as number);
    },
    LISTLETTERS,
  );
  return mailbox;
}
