import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { BitmodelError, EXIT, messageOf } from '../../base/index.js';

/** Names of the chains. */
export const NETWORKS = ['main', 'test', 'regtest'] as const;
/** One of {@link NETWORKS}. */
export type NetworkName = (typeof NETWORKS)[number];

/** The options every command takes, after flag > variable > project file > user file > default were weighed. */
export interface Settings {
  readonly network: NetworkName;
  /** The node's RPC address, or undefined for this machine's default port. */
  readonly rpc: string | undefined;
  /** Folder of keys, jobs, models and the chain. One per user; networks are separate folders below it. */
  readonly datadir: string;
  /** Whether --datadir named it, so that a command that is proposed must name it, too. */
  readonly namesDatadir: boolean;
  /** --network and --rpc as they were given, for the same reason; an address with a password in it is not repeated. */
  readonly flags: { readonly network?: string; readonly rpc?: string };
  readonly json: boolean;
  readonly quiet: boolean;
  readonly yes: boolean;
  /** Whether questions may be asked at all. */
  readonly input: boolean;
}

type Values = Record<string, unknown>;

function readSettingsFile(path: string): Values {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw badSettings(path, messageOf(thrown), thrown);
  }
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (thrown) {
    throw badSettings(path, messageOf(thrown), thrown);
  }
  if (values === null || typeof values !== 'object' || Array.isArray(values)) {
    throw badSettings(path, 'it is not a JSON object');
  }
  return values as Values;
}

function badSettings(path: string, why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_SETTINGS', `The settings in ${path} can't be read: ${why}.`, {
    next: `Mend or remove ${path}`,
    exitCode: EXIT.usage,
    cause,
  });
}

/** An address as it can be shown: one that holds a password is a word that stands for it. */
function withoutSecret(rpc: string): string {
  return rpc.includes('@') ? 'URL' : rpc;
}

/** @param flags commander's `optsWithGlobals()` */
export function resolveSettings(flags: Values, env: NodeJS.ProcessEnv = process.env): Settings {
  const paths = envPaths('bitmodel', { suffix: '' });
  // a folder may be a stranger's work: it may choose the chain, not whom this machine asks, nor where keys are looked for
  const { network: projectNetwork } = readSettingsFile(join(process.cwd(), 'bitmodel.config.json'));
  const project: Values = { network: projectNetwork };
  const user = readSettingsFile(join(paths.config, 'config.json'));
  const pick = (name: string): string | undefined => {
    const value =
      flags[name] ?? env[`BITMODEL_${name.toUpperCase()}`] ?? project[name] ?? user[name];
    return value === undefined ? undefined : String(value);
  };
  const network = pick('network') ?? 'regtest';
  if (!NETWORKS.includes(network as NetworkName)) {
    throw new BitmodelError('UNKNOWN_NETWORK', `There is no network "${network}".`, {
      next: `Choose one of ${NETWORKS.join(', ')}`,
      exitCode: EXIT.usage,
    });
  }
  return {
    network: network as NetworkName,
    rpc: pick('rpc'),
    datadir: pick('datadir') ?? paths.data,
    namesDatadir: flags.datadir !== undefined,
    flags: {
      ...(flags.network === undefined ? {} : { network: String(flags.network) }),
      ...(flags.rpc === undefined ? {} : { rpc: withoutSecret(String(flags.rpc)) }),
    },
    json: flags.json === true,
    quiet: flags.quiet === true,
    yes: flags.yes === true,
    input: flags.input !== false,
  };
}
