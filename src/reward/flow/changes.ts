import { messageOf, parseAmount } from '../../base/index.js';
import { graphError, type ParentShare, quoted } from '../graph/graph.js';
import type { PayoutEngine, PayoutUpdate } from './PayoutEngine.js';

/** A change of a graph that is paid out as it changes. */
export type GraphChange =
  | { readonly kind: 'parents'; readonly source: string; readonly parents: readonly ParentShare[] }
  | { readonly kind: 'removed'; readonly source: string }
  /** Base units by id. */
  | { readonly kind: 'paid'; readonly amounts: ReadonlyMap<string, bigint> };

const FORM =
  '{"source":"ID","parents":[{"id":"ID","ppm":150000}]}, {"removed":"ID"} or {"paid":{"ID":"1.5"}}';

function refuse(message: string): never {
  throw graphError(message, `Write a change as ${FORM}`);
}

function fieldsOf(value: unknown, what: string): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    refuse(`${what} is not a JSON object.`);
  }
  return value as Record<string, unknown>;
}

function parentsOf(value: unknown): ParentShare[] {
  if (!Array.isArray(value)) refuse('The parents of a change are not a list.');
  return (value as unknown[]).map((item) => {
    const { id, ppm, ...others } = fieldsOf(item, 'A parent of a change');
    if (typeof id !== 'string' || typeof ppm !== 'number' || Object.keys(others).length > 0) {
      refuse('A parent of a change is not an id with a weight.');
    }
    return { id, ppm } as ParentShare;
  });
}

/**
 * A change from a line of JSON: the parents of a source named anew (the source may be a new one), a source that goes,
 * or what was paid.
 * @throws BitmodelError `BAD_GRAPH` or `BAD_AMOUNT` (exit 2)
 */
export function parseChange(line: string): GraphChange {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (thrown) {
    refuse(`A change is not valid JSON: ${messageOf(thrown)}.`);
  }
  const fields = fieldsOf(value, 'A change');
  const names = Object.keys(fields).sort().join();
  if (names === 'parents,source' && typeof fields.source === 'string') {
    return { kind: 'parents', source: fields.source, parents: parentsOf(fields.parents) };
  }
  if (names === 'removed' && typeof fields.removed === 'string') {
    return { kind: 'removed', source: fields.removed };
  }
  if (names !== 'paid') refuse('A change has other fields than it can have.');
  const amounts = new Map<string, bigint>();
  for (const [id, amount] of Object.entries(fieldsOf(fields.paid, 'What was paid'))) {
    if (typeof amount !== 'string') refuse(`The amount for ${quoted(id)} is not a text.`);
    amounts.set(id, parseAmount(amount as string));
  }
  return { kind: 'paid', amounts };
}

/** Makes a change. @throws BitmodelError as the methods of {@link PayoutEngine}, which is then as it was */
export function applyChange(engine: PayoutEngine, change: GraphChange): PayoutUpdate {
  if (change.kind === 'paid') return engine.pay(change.amounts);
  if (change.kind === 'removed') return engine.remove(change.source);
  return engine.setParents(change.source, change.parents);
}
