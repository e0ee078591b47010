import { equalBytes, sha256, toHex } from '../../base/index.js';
import { findDeclaration, type Published, type Registry } from '../declared/registry.js';
import { parseSplitScript } from '../split/split.js';

/** Which contracts are meant: those of these sources and all that they pay, or of whoever's addresses. */
export interface ContractChoice {
  /** Ids of models or other sources; their contracts of earlier versions count too. */
  readonly ids?: readonly string[];
  /** Leave out ids that nothing was published under yet; without it they are an error. */
  readonly skipUnknown?: boolean;
  /** Only contracts by which money comes to scripts of which this is true, through whatever other contracts. */
  readonly pays?: (lockingScript: Uint8Array) => boolean;
}

/** The name of a contract: the hex of its script's SHA-256. */
export function contractKey({ split }: Pick<Published, 'split'>): string {
  return toHex(sha256(split));
}

/** The contracts that a contract pays to, in the order of its shares. */
function paidBy(registry: Registry, source: Published): Published[] {
  return source.parents.flatMap(({ ppm, pays }) => {
    const parent = ppm > 0 ? registry.byScript.get(toHex(pays)) : undefined;
    return parent ?? [];
  });
}

/**
 * Contracts from these sources upstream, each before all that it pays. A circle is not possible: a script names the
 * hashes of those that it pays.
 */
function upstream(registry: Registry, from: readonly Published[]): Published[] {
  const seen = new Set<string>();
  const postorder: Published[] = [];
  const walk: { readonly source: Published; readonly paid: Published[]; next: number }[] = [];
  const enter = (source: Published): void => {
    const key = contractKey(source);
    if (seen.has(key)) return;
    seen.add(key);
    if (!parseSplitScript(source.split)) return;
    walk.push({ source, paid: paidBy(registry, source), next: 0 });
  };
  for (const source of from) {
    enter(source);
    while (walk.length > 0) {
      const here = walk.at(-1)!;
      const parent = here.paid[here.next++];
      if (parent) enter(parent);
      else {
        postorder.push(here.source);
        walk.pop();
      }
    }
  }
  return postorder.reverse();
}

/** Of contracts in this order those by which money comes to scripts that are meant, directly or through others. */
function leadingTo(
  registry: Registry,
  ordered: readonly Published[],
  isMeant: (lockingScript: Uint8Array) => boolean,
): Published[] {
  const leading = new Set<string>();
  for (const source of [...ordered].reverse()) {
    const leads = parseSplitScript(source.split)!.some(({ scriptHash }) => {
      const key = toHex(scriptHash);
      const script = registry.scripts.get(key);
      return leading.has(key) || (script !== undefined && isMeant(script));
    });
    if (leads) leading.add(contractKey(source));
  }
  return ordered.filter((source) => leading.has(contractKey(source)));
}

/**
 * The contracts that are meant, each before all that it pays; without a choice all that were ever declared.
 * @throws BitmodelError `UNKNOWN_SOURCE` (exit 3) for an id that nothing was published under
 */
export function chooseContracts(
  registry: Registry,
  { ids, skipUnknown = false, pays }: ContractChoice = {},
): Published[] {
  const declared = [...registry.byScript.values()];
  const known = skipUnknown ? ids?.filter((id) => registry.byId.has(id)) : ids;
  const chosen = known?.flatMap((id) => {
    const current = findDeclaration(registry, id);
    const earlier = declared.filter(
      (each) => each.id === id && !equalBytes(each.split, current.split),
    );
    return [current, ...earlier];
  });
  const ordered = upstream(registry, chosen ?? declared);
  return pays ? leadingTo(registry, ordered, pays) : ordered;
}
