import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BINARY, Place } from './harness.js';
import { hasPseudoTerminal, runOnTerminal } from './pseudo-terminal.js';

const TINY = 'fixtures/bitmodel-tiny';
const TEMPLATE =
  "{% for m in messages %}{% if m.role == 'system' and 'pirate' in m.content %}{{ raise_exception('No pirates.') }}{% endif %}{{ m.content }}\n{% endfor %}";
const PROMPT = 'The American people';
let place: Place;
/** The bundled model, with a chat template. */
let chatty: string;

beforeAll(() => {
  place = new Place();
  chatty = join(place.folder, 'chatty');
  cpSync(TINY, chatty, { recursive: true });
  const path = join(chatty, 'tokenizer_config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...config, chat_template: TEMPLATE }));
});
afterAll(() => place.close());

interface Ran {
  text: string;
  finish: string;
  ids: number[];
  promptIds: number[];
  logprobs: { id: number; token: string; logprob: number; top: { id: number }[] }[];
}
const run = (...args: string[]) => place.json<Ran>(['model', 'run', ...args]);

describe('bitmodel model run', () => {
  it('ends before a stop text, of which nothing is shown, though the ids hold it', async () => {
    const { text } = await run(TINY, PROMPT, '--max-tokens', '12');
    const stop = text.slice(7, 12);
    const cut = text.slice(0, text.indexOf(stop));
    const json = await run(TINY, PROMPT, '--max-tokens', '12', '--stop', stop);
    expect(json).toMatchObject({ text: cut, finish: 'stop' });
    const flags = ['--max-tokens', '12', '--stop', stop, '--stop', 'never', '-q'];
    const { stdout } = await place.run(['model', 'run', TINY, PROMPT, ...flags]);
    expect(stdout).toBe(`${cut}\n`);
  });

  it('ends quietly when whoever reads it is gone', async () => {
    for (const flags of [[], ['--json', '--watch']]) {
      const args = ['model', 'run', TINY, PROMPT, '--max-tokens', '400', ...flags];
      const child = spawn(process.execPath, [BINARY, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk;
      });
      child.stdout.once('data', () => child.stdout.destroy());
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
    }
  });

  it('tells log-probabilities in JSON, in lines for people, and token by token', async () => {
    const { ids, logprobs } = await run(TINY, PROMPT, '--max-tokens', '4', '--logprobs', '3');
    expect(logprobs.map(({ id }) => id)).toEqual(ids);
    for (const { id, logprob, top } of logprobs) {
      expect(logprob).toBeLessThan(0);
      expect(top).toHaveLength(3);
      // nothing is drawn at temperature 0: the most probable is taken
      expect(top[0]!.id).toBe(id);
    }
    const args = ['model', 'run', TINY, PROMPT, '--max-tokens', '4', '--logprobs'];
    const lines = (await place.run(args)).stdout.trimEnd().split('\n');
    expect(lines).toEqual(
      logprobs
        .map(({ token, logprob }) => `${logprob.toFixed(4)} ${JSON.stringify(token)}`.trim())
        .map((line) => expect.stringContaining(line) as string),
    );
    const watched = await place.run([...args, '--json', '--watch']);
    const events = watched.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Ran & { event: string; id: number });
    expect(events.map(({ event }) => event)).toEqual(['token', 'token', 'token', 'token', 'done']);
    expect(events.slice(0, -1).map(({ id }) => id)).toEqual(ids);
    expect(
      events
        .slice(0, -1)
        .map(({ text }) => text)
        .join(''),
    ).toBe(events.at(-1)!.text);
  });

  it('puts the system text where the template has it, and gives the prompt as it is with --raw', async () => {
    const asked = await run(chatty, PROMPT, '--system', 'Be kind.', '--max-tokens', '1');
    const plain = await run(TINY, `Be kind.\n${PROMPT}\n`, '--max-tokens', '1');
    expect(asked.promptIds).toEqual(plain.promptIds);
    const raw = await run(chatty, PROMPT, '--raw', '--max-tokens', '1');
    expect(raw.promptIds).toEqual((await run(TINY, PROMPT, '--max-tokens', '1')).promptIds);
  });

  it.each([
    [
      'a system text that the template refuses',
      'CHAT_REFUSED',
      () => [chatty, 'Hi', '--system', 'a pirate'],
    ],
    ['a system text without a template', 'NO_CHAT_TEMPLATE', () => [TINY, 'Hi', '--system', 'x']],
    [
      'a system text with --raw',
      'NO_CHAT_TEMPLATE',
      () => [chatty, 'Hi', '--raw', '--system', 'x'],
    ],
    ['more log-probabilities than there are', 'BAD_OPTION', () => [TINY, 'Hi', '--logprobs', '21']],
    ['an unknown device', 'BAD_OPTION', () => [TINY, 'Hi', '--device', 'abacus']],
  ])('gets one sentence and the next step: %s', async (_, code, args) => {
    const { code: exit, stdout, stderr } = await place.run(['--json', 'model', 'run', ...args()]);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    const { error } = JSON.parse(stderr) as { error: { code: string; next: string } };
    expect(error.code).toBe(code);
    expect(error.next).toBeTruthy();
  });
});

describe.skipIf(!hasPseudoTerminal())(
  'bitmodel model run on a terminal (needs util-linux: script)',
  () => {
    it('is a conversation with commands, messages of several lines, Ctrl-C for an answer, and Ctrl-D for the end', async () => {
      const { code, stdout } = await runOnTerminal(
        ['--datadir', place.folder, 'model', 'run', chatty, '--max-tokens', '3'],
        [
          ['>>> ', '/help\r'],
          ['>>> ', '/set max-tokens none\r'],
          ['>>> ', '/nonsense\r'],
          ['>>> ', '/system a pirate\r'],
          ['>>> ', 'Hello\r'],
          ['>>> ', '/system\r'],
          ['>>> ', '"""The American\rpeople\r"""\r'],
          ['>>> ', '/set max-tokens 400\r'],
          ['>>> ', 'We\r'],
          // Ctrl-C in the middle of the answer
          ['We\r', '\u0003'],
          ['>>> ', 'typed and taken back'],
          ['taken back', '\u0003'],
          ['>>> ', '\u0004'],
        ],
        {},
      );
      expect(code).toBe(0);
      const told = ['/bye  ', 'BAD_OPTION', 'UNKNOWN_COMMAND', 'No pirates', 'after 3 tokens'];
      for (const text of told) expect(stdout).toContain(text);
    });
  },
);
