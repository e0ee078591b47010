import { type Pin, plainText } from '../../chain/index.js';
import { factTable, listTable } from './tables.js';

const TEXT_TYPES = /^(text\/|application\/json\b)/;
/** Width of what a pin says in a list of 80 columns. */
const LIST_WIDTH = 34;

/** What a pin says, as far as it is text; else its type and size. */
export function contentText(
  { contentType, payload, size }: Pick<Pin, 'contentType' | 'payload' | 'size'>,
  width = 2_000,
): string {
  if (!TEXT_TYPES.test(contentType) || payload.length < size) {
    return `(${plainText(Buffer.from(contentType), 60)}, ${size} bytes)`;
  }
  const text = plainText(payload, width);
  return payload.length > text.length && text.length >= width ? `${text.slice(0, -1)}…` : text;
}

/** A pin as JSON: its payload in hex, and as text where it is text. */
export function pinJson(pin: Pin): Record<string, unknown> {
  const payload = Buffer.from(pin.payload).toString('hex');
  const text = TEXT_TYPES.test(pin.contentType)
    ? { text: Buffer.from(pin.payload).toString('utf8') }
    : {};
  const versions = pin.versions.map((version) => ({
    ...version,
    payload: Buffer.from(version.payload).toString('hex'),
  }));
  return { ...pin, payload, ...text, versions };
}

/** One pin for people. */
export async function pinText(pin: Pin): Promise<string> {
  const changed = pin.versions.at(-1)!;
  return factTable({
    pin: pin.id,
    path: plainText(Buffer.from(pin.path), 60),
    status: pin.status,
    says: wrapped(contentText(pin), 60),
    creator: pin.creator ? plainText(Buffer.from(pin.creator), 60) : '(none: a coinbase made it)',
    owner: pin.owner ? plainText(Buffer.from(pin.owner), 60) : '(nobody: its coin went to fees)',
    made: `block ${pin.height}`,
    changed:
      pin.versions.length > 1
        ? `block ${changed.height}, ${pin.versions.length - 1} times`
        : undefined,
  });
}

function wrapped(text: string, width: number): string {
  return text.match(new RegExp(`.{1,${width}}`, 'gsu'))?.join('\n') ?? '';
}

/** Pins for people, a line each: enough of the id to tell them apart, and all of it with `-q` or `--json`. */
export function pinTable(pins: readonly Pin[]): Promise<string> {
  return listTable(
    ['pin', 'path', 'says', 'block'],
    pins.map((pin) => [
      `${pin.id.slice(0, 8)}…${pin.id.slice(64)}`,
      plainText(Buffer.from(pin.path), 22) + (pin.status === 'live' ? '' : ` (${pin.status})`),
      contentText(pin, LIST_WIDTH - 12),
      String(pin.versions.at(-1)!.height),
    ]),
  );
}
