import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { objectPieces, printPieces } from '#src/commands/shared/pieces.js';

/** Takes a text only when it is told to. */
class SlowReader extends Writable {
  text = '';
  #taken: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1, decodeStrings: false });
  }

  override _write(chunk: string, _: string, taken: () => void): void {
    this.text += chunk;
    this.#taken = taken;
  }

  take(): void {
    this.#taken?.();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('a text that is printed in pieces', () => {
  it('is made no faster than its reader takes it', async () => {
    const out = new SlowReader();
    let made = 0;
    function* pieces(): Generator<string> {
      for (; made < 100_000; made++) yield 'x'.repeat(100);
    }
    let isDone = false;
    const printing = printPieces(pieces(), { as: 'text', out }).then(() => {
      isDone = true;
    });
    await turn();
    const first = made;
    expect(first).toBeLessThan(1000);
    await turn();
    expect(made).toBe(first);
    while (!isDone) {
      expect(made * 100 - out.text.length).toBeLessThan(100_000);
      out.take();
      await turn();
    }
    await printing;
    expect(out.text.length).toBe(10_000_000);
  });

  it('ends with the signal while the reader takes nothing', async () => {
    const abort = new AbortController();
    const out = new SlowReader();
    const printing = printPieces(['x'], { as: 'text', out, signal: abort.signal });
    abort.abort();
    await expect(printing).rejects.toMatchObject({ name: 'AbortError' });
    const pieces = printPieces(['y'], { as: 'text', out, signal: abort.signal });
    await expect(pieces).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.each([
    ['json', '"\\u001b[2J"'],
    ['text', '"\ufffd[2J"'],
    ['exact', '"\u001b[2J"'],
  ] as const)('as %s is safe for whom it is for', async (as, expected) => {
    const out = new SlowReader();
    const printing = printPieces(['"\u001b', '[2J"'], { as, out });
    out.take();
    await printing;
    expect(out.text).toBe(expected);
  });

  it('is one JSON object of its fields and a list', () => {
    const text = (fields: object, items: object[]): string =>
      [...objectPieces(fields, 'shares', items)].join('');
    expect(text({ total: '1' }, [{ id: 'a"' }, { id: 'b', owner: undefined }])).toBe(
      '{"total":"1","shares":[{"id":"a\\""},{"id":"b"}]}\n',
    );
    expect(text({}, [])).toBe('{"shares":[]}\n');
  });
});
