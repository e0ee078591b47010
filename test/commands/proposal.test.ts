import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proposal, shellWord } from '#src/commands/shared/proposal.js';
import { resolveSettings } from '#src/commands/shared/settings.js';

describe('a word of a command that is proposed', () => {
  it('is what a shell makes of it again, whatever is in it', () => {
    const word = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !text.includes('\0'));
    const words = fc.sample(word, 200);
    const awkward = ["it's", '', 'a b', '$HOME', '`id`', '~', '*', '\\', '"', 'a\nb', '#', '!'];
    const all = [...awkward, ...words];
    const line = `printf '%s\\0' ${all.map(shellWord).join(' ')}`;
    const said = execFileSync('sh', ['-c', line], { encoding: 'utf8' });
    expect(said.split('\0').slice(0, -1)).toEqual(all);
  });
});

describe('a command that is proposed', () => {
  it('repeats the options that lead to the same data and the same node, where they were given', () => {
    const given = { network: 'test', rpc: 'http://127.0.0.1:7', datadir: "/my data's" };
    expect(proposal(resolveSettings(given, {}), 'job', 'resume', 'ab')).toBe(
      "bitmodel job resume ab --network test --rpc http://127.0.0.1:7 --datadir '/my data'\\''s'",
    );
    const fromVariables = { BITMODEL_NETWORK: 'test', BITMODEL_DATADIR: '/data' };
    expect(proposal(resolveSettings({}, fromVariables), 'job', 'list')).toBe('bitmodel job list');
  });

  it('repeats no password', () => {
    const settings = resolveSettings({ rpc: 'http://ann:secret@127.0.0.1:7' }, {});
    expect(proposal(settings, 'job', 'list')).toBe('bitmodel job list --rpc URL');
  });
});
