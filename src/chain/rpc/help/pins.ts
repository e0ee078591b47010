import { type MethodHelp, OWN_GROUP } from '../method.js';

/** What the index of pins knows (MetaID v2, DESIGN 4.4). */
export const PIN_HELP = {
  getpins: {
    group: OWN_GROUP,
    summary: 'Pins of the chain, in the order of their making.',
    params: [
      {
        name: 'selector',
        type: ['string', 'object'],
        about:
          'A path, or {"path" | "owner" | "metaId" | "id": text, "limit": n, "after": id, "atHeight": n, "all": bool, "maxPayload": n}. ' +
          'An owner is an address; "all" lists hidden and revoked pins too; "atHeight" tells what stood then. ' +
          'A list ends after "limit" pins (1,000) or 4 MB: ask again with "after" until none comes. Payloads beyond ' +
          '"maxPayload" (131,072; for one pin by id, none) are left out, and in "versions" those beyond 131,072 always.',
      },
    ],
    result:
      'An array of {id, path, status (live, hidden, revoked), creator, metaId, owner, location, contentType, size, ' +
      'payload (hex), height, txid, versions (the last 100, fewer where they are longer than 2 MB)}.',
    errors: [[-8, 'Nothing is selected, or a value is out of range.']],
    example: '/protocols/bitmodel-model',
  },
  getpinhistory: {
    group: OWN_GROUP,
    summary:
      'Everything that happened to one pin, moves included, oldest first. A list ends after "limit" events or 4 MB: ask again, with "skip", until none comes.',
    params: [
      { name: 'id', type: 'string', about: 'The pin: TXIDiOUTPUT.' },
      { name: 'limit', type: 'number', about: 'At most so many events.', default: '1000' },
      { name: 'skip', type: 'number', about: 'Events left out at the beginning.', default: '0' },
    ],
    result:
      'An array of {operation (create, modify, hide, revoke, transfer), txid, height, status, owner, location, offset, ' +
      'contentType, size, payload (hex; left out where the pin only moved, and beyond 131,072 bytes)}.',
    errors: [
      [-5, 'There is no such pin.'],
      [-8, '"limit" (1 to 1,000) or "skip" is out of range.'],
    ],
    example: `${'0'.repeat(64)}i0`,
  },
} as const satisfies Readonly<Record<string, MethodHelp>>;
