import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import { keyPath, networkParameters, readKeyFile } from '../chain/index.js';
import {
  ModelRegistry,
  openShareOf,
  type PackedModel,
  type ProtectionMode,
  packCopy,
  protectModel,
  readProtection,
  shareText,
  unlockModel,
} from '../model/index.js';
import { action } from './shared/action.js';
import { wholeOption } from './shared/number-options.js';
import { PASSPHRASE_OPTION } from './shared/passphrase.js';
import { openPlainKey } from './shared/plain-key.js';
import { progressLine } from './shared/progress.js';
import type { Settings } from './shared/settings.js';
import { readShares, SHARE_OPTION } from './shared/shares.js';

interface ProtectFlags {
  readonly platform: string;
  readonly key: string;
  readonly out?: string;
  readonly mode: string;
  readonly moves?: string;
  readonly file?: string;
}

const MODES: readonly ProtectionMode[] = ['shuffle', 'full'];

/** Public key of a key of the data folder; no passphrase is needed for it. */
function publicKeyOf(name: string, settings: Settings): string {
  const parameters = networkParameters(settings.network);
  const file = readKeyFile(keyPath(settings.datadir, parameters, name), parameters);
  if (file.v === 1) return file.publicKey;
  throw new BitmodelError(
    'NOT_A_PLAIN_KEY',
    `${name} is an account or watched, not a single key.`,
    {
      next: `Make one with: bitmodel keygen --name NAME`,
      exitCode: EXIT.usage,
    },
  );
}

/** The platform's public key, as its 66 digits or as that of a key of the data folder. */
function platformKeyOf(text: string, settings: Settings): string {
  const isName = /^[A-Za-z0-9._-]{1,64}$/.test(text) && !/^[0-9a-f]{66}$/i.test(text);
  const parameters = networkParameters(settings.network);
  return isName && existsSync(keyPath(settings.datadir, parameters, text))
    ? publicKeyOf(text, settings)
    : text.toLowerCase();
}

function modeOf(text: string): ProtectionMode {
  const mode = MODES.find((name) => name === text);
  if (mode !== undefined) return mode;
  throw new BitmodelError('BAD_OPTION', `--mode ${text} is not shuffle or full.`, {
    next: 'See: bitmodel model protect --help',
    exitCode: EXIT.usage,
  });
}

const PROTECT_HELP = `
Two shares undo it, and both are needed: one is sealed to the contributor's key, one to the platform's. Each
opens its own with: bitmodel model share. What the modes protect against, and what they don't, stands in
docs/protection.md: shuffle only makes copying inconvenient, full keeps the weights secret from all who lack a share.

Example:
  $ bitmodel model protect ./my-model --platform 02c6…9ee5 --mode full`;

/** Packs a protected copy if the model was packed, and notes where it lies. */
async function packIfPacked(
  dir: string,
  copy: string,
  settings: Settings,
  signal: AbortSignal,
): Promise<PackedModel | undefined> {
  const registry = new ModelRegistry(settings.datadir);
  const record = registry.list().find((entry) => entry.dir === dir)?.record ?? dir;
  const progress = progressLine('hashing', settings);
  const about = { onProgress: progress.update, signal };
  const packed = await packCopy(record, copy, about).finally(progress.end);
  if (packed) registry.register(packed.id, packed.dir, packed.name, { origin: 'packed' });
  return packed;
}

/** `model protect`. */
export function registerProtect(model: Command): void {
  model
    .command('protect')
    .description('make a copy of a model that can only be used with two shares')
    .argument('<model>', 'folder, id or name')
    .requiredOption('--platform <key>', 'who holds the second share: 66 hex digits, or a key here')
    .option('--key <name>', 'key of the contributor, who holds the first share', 'default')
    .option('--out <dir>', "new folder for it (default: the model's with .protected behind it)")
    .option('--mode <mode>', 'shuffle: move some weights; full: encrypt all of them', 'shuffle')
    .option('-m, --moves <n>', 'weights that shuffle moves (default: one in 1,000)')
    .option('--file <file>', 'ONNX file whose weights are shuffled; other weights are left out')
    .addHelpText('after', PROTECT_HELP)
    .action(
      action<ProtectFlags>(async ([asked], { options, settings, terminal, signal }) => {
        const mode = modeOf(options.mode);
        const dir = new ModelRegistry(settings.datadir).resolve(asked!);
        const out = options.out ?? `${dir}.protected`;
        const progress = progressLine('protecting', settings);
        const made = await protectModel(dir, out, {
          contributor: publicKeyOf(options.key, settings),
          platform: platformKeyOf(options.platform, settings),
          mode,
          ...(options.file === undefined ? {} : { file: options.file }),
          ...(options.moves === undefined
            ? {}
            : { moves: wholeOption(options.moves, '--moves', 1) }),
          onProgress: progress.update,
          signal,
        }).finally(progress.end);
        const packed = await packIfPacked(dir, made.dir, settings, signal);
        for (const path of made.leftOut) terminal.warn(`${path} was left out: weights as well`);
        terminal.result(
          { ...made, ...(packed === undefined ? {} : { id: packed.id, name: packed.name }) },
          () =>
            [
              ...(packed === undefined ? [] : [`id       ${packed.id}`, `name     ${packed.name}`]),
              `folder   ${made.dir}`,
              `mode     ${made.mode}${made.moves === undefined ? '' : `, ${made.moves} of ${made.parameters} weights moved`}`,
              `plain    ${made.plain}`,
            ].join('\n'),
          made.dir,
        );
        if (packed === undefined) terminal.note(`Its own id: bitmodel model pack ${made.dir}`);
      }),
    );
}

/** `model share`. */
export function registerShare(model: Command): void {
  model
    .command('share')
    .description('open your share of a protected model, to be handed on or used')
    .argument('<model>', 'folder, id or name of the protected model')
    .option('--key <name>', 'key that the share was sealed to', 'default')
    .option(...PASSPHRASE_OPTION)
    .addHelpText(
      'after',
      '\nPrints one line. Whoever has both lines has the model: keep it as you keep a key.\n\nExample:\n  $ umask 077; bitmodel model share ./my-model.protected --key ann > ann.share',
    )
    .action(
      action<{ key: string; passphraseFile?: string }>(async ([asked], context) => {
        const { options, settings, terminal, signal } = context;
        const dir = new ModelRegistry(settings.datadir).resolve(asked!);
        const protection = readProtection(dir);
        const key = await openPlainKey(settings, options, signal);
        const opened = openShareOf(protection, key.privateKey, key.publicKey);
        key.privateKey.fill(0);
        const share = shareText(opened);
        terminal.result({ holder: opened.holder, share }, share, share);
      }),
    );
}

interface UnlockFlags {
  readonly out: string;
  readonly share?: string[];
  readonly key?: string;
  readonly passphraseFile?: string;
}

/** `model unlock`. */
export function registerUnlock(model: Command): void {
  model
    .command('unlock')
    .description('write a protected model in the clear, as it was')
    .argument('<model>', 'folder, id or name of the protected model')
    .requiredOption('--out <dir>', 'new folder for it')
    .option(...SHARE_OPTION)
    .option('--key <name>', 'open one of the shares with this key')
    .option(...PASSPHRASE_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  $ bitmodel model unlock ./my-model.protected --share ann.share --share platform.share --out ./my-model\n  $ bitmodel model unlock ./my-model.protected --key ann --share platform.share --out ./my-model',
    )
    .action(
      action<UnlockFlags>(async ([asked], { options, settings, terminal, signal }) => {
        const dir = new ModelRegistry(settings.datadir).resolve(asked!);
        const shares = await readShares(options.share);
        if (options.key !== undefined) {
          const choice = { ...options, key: options.key };
          const stdinIsData = options.share?.includes('-') === true;
          const key = await openPlainKey(settings, choice, signal, stdinIsData);
          shares.push(openShareOf(readProtection(dir), key.privateKey, key.publicKey));
          key.privateKey.fill(0);
        }
        const progress = progressLine('unlocking', settings);
        const made = await unlockModel(dir, options.out, shares, {
          onProgress: progress.update,
          signal,
        }).finally(progress.end);
        terminal.result(made, () => `folder   ${made.dir}\nid       ${made.id}`, made.id);
      }),
    );
}
