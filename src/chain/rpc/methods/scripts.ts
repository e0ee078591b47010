import { fromHex, toHex } from '../../../base/index.js';
import { type AddressParameters, addressScript } from '../../address/address.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';

const LIST_LIMIT = 1_000;

type Selector = Readonly<Record<string, unknown>>;

function textList(value: unknown, name: string): string[] {
  const list = Array.isArray(value) ? value : [value];
  const valid = list.length <= LIST_LIMIT && list.every((each) => typeof each === 'string');
  if (!valid) throw new RpcError(RPC_CODE.type, `${name} must be texts, at most ${LIST_LIMIT}`);
  return list as string[];
}

/** Locking scripts named by `ADDRESS`, `[ADDRESS…]`, `{addresses: […]}` or `{scripts: [hex…]}`, none twice. */
export function scriptsOf(parameters: AddressParameters, value: unknown): Uint8Array[] {
  const named = namedScripts(parameters, value).map((script) => [toHex(script), script] as const);
  return [...new Map(named).values()];
}

function namedScripts(parameters: AddressParameters, value: unknown): Uint8Array[] {
  const selector = value as Selector | null | undefined;
  const isSelector = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isSelector && selector?.scripts !== undefined) {
    return textList(selector.scripts, 'scripts').map((hex) => fromHex(hex));
  }
  const addresses = isSelector ? selector?.addresses : value;
  if (addresses === undefined) throw new RpcError(RPC_CODE.misc, 'addresses are missing');
  return textList(addresses, 'addresses').map((text) => addressScript(text, parameters));
}
