import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { resolveSettings } from '#src/commands/shared/settings.js';

const folder = mkdtempSync(join(tmpdir(), 'bitmodel-settings-'));
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

describe('a settings file in the current folder', () => {
  it('chooses the network, and neither whom commands ask nor where keys are', () => {
    const file = { network: 'test', rpc: 'http://evil.example', datadir: '/elsewhere' };
    writeFileSync(join(folder, 'bitmodel.config.json'), JSON.stringify(file));
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    const settings = resolveSettings({}, { BITMODEL_RPC: 'http://127.0.0.1:1' });
    expect(settings).toMatchObject({ network: 'test', rpc: 'http://127.0.0.1:1' });
    expect(settings.datadir).not.toBe('/elsewhere');
    expect(resolveSettings({ network: 'main' }).network).toBe('main');
  });
});
