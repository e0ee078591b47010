import { afterEach, describe, expect, it, vi } from 'vitest';
import { main } from '#src/cli.js';

/** What the command line prints with these arguments, in this process, as into a pipe. */
async function printed(...args: string[]): Promise<string> {
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  await main(['node', 'bitmodel', ...args]);
  write.mockRestore();
  process.exitCode = undefined;
  process.stdout.removeAllListeners('error');
  return written.join('');
}

/** Names under the heading that the help lists commands below. */
function listed(help: string): string[] {
  const below = help.split(/^(?:Commands|Start|Money|Inference|Models|Chain):$/m).slice(1);
  return below
    .flatMap((block) => [...block.matchAll(/^ {2}([a-z][a-z-]*)/gm)])
    .map(([, name]) => name!)
    .filter((name) => name !== 'help');
}

afterEach(() => vi.restoreAllMocks());

describe('help COMMAND', () => {
  it('is the help of the command and of the verb', async () => {
    expect(await printed('help')).toBe(await printed('--help'));
    expect(await printed('help', 'wallet', 'send')).toBe(await printed('wallet', 'send', '--help'));
  });
});

describe('the help of a verb', () => {
  it('names the options of its command that it takes, and no others', async () => {
    const bond = await printed('verifier', 'bond', '--help');
    expect(bond).toMatch(/--key <name>/);
    expect(bond).toMatch(/--datadir <dir>/);
    expect(bond).not.toMatch(/--(fee|model|threads)/);
    expect(await printed('node', 'peers', '--help')).not.toMatch(/--(mine|listen|key)/);
  });
});

describe('the help of every command and verb', () => {
  it('fits 80 columns, has an example, and says its name', async () => {
    const commands = listed(await printed('--help'));
    expect(commands.length).toBeGreaterThan(15);
    const pages: [string[], string][] = [];
    for (const command of commands) {
      const help = await printed(command, '--help');
      const verbs = listed(help);
      pages.push([[command], help]);
      for (const verb of verbs)
        pages.push([[command, verb], await printed(command, verb, '--help')]);
    }
    expect(pages.length).toBeGreaterThan(50);
    for (const [path, help] of pages) {
      expect(help).toContain(`Usage: bitmodel ${path.join(' ')}`);
      const isGroup =
        path.length === 1 && pages.some(([other]) => other[0] === path[0] && other[1]);
      if (!isGroup) expect(help, path.join(' ')).toMatch(/Examples?:\n/);
      const wide = help.split('\n').filter((line) => line.length > 80);
      expect([path, wide]).toEqual([path, []]);
    }
  });
});
