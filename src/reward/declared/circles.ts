import { BitmodelError, EXIT, equalBytes, sha256 } from '../../base/index.js';
import { stronglyConnectedComponents } from '../flow/components.js';
import { Cycle, MAXIMUM_COMPONENT } from '../flow/cycle.js';
import { buildGraph } from '../graph/buildGraph.js';
import { type ParentShare, PPM, quoted } from '../graph/graph.js';
import {
  completeDeclaration,
  type Declaration,
  type DeclaredParent,
  declaredUses,
  type OtherDeclaration,
} from './declaration.js';
import type { Registry } from './registry.js';

/** Sources whose declarations in force name each other in a circle. */
export interface Circle {
  /** Ids, in order. */
  readonly members: readonly string[];
  /** Whether they give everything to each other: none keeps a share, and none pays a source outside. */
  readonly isClosed: boolean;
}

/**
 * The circles of declarations: by ids and declared weights, whatever a contract pays. Money goes round in none of them: a
 * contract names its parents' by hash.
 * @param changed a declaration to be thought in force
 */
export function declaredCircles(registry: Registry, changed?: Declaration): Circle[] {
  const all = new Map<string, Declaration>(registry.byId);
  if (changed) all.set(changed.id, changed);
  const sources = [...all.values()].map((source) => ({
    id: source.id,
    // anybody can name what nobody published
    parents: declaredUses(source).filter((parent) => all.has(parent.id)),
  }));
  const graph = buildGraph(sources);
  const { members, starts, count } = stronglyConnectedComponents(graph);
  const circles: Circle[] = [];
  for (let c = 0; c < count; c++) {
    const inside = members.subarray(starts[c]!, starts[c + 1]!);
    if (inside.length < 2) continue;
    const ids = Array.from(inside, (member) => graph.ids[member]!).sort();
    const within = new Set(ids);
    const isClosed = ids.every((id) => {
      const uses = declaredUses(all.get(id)!);
      const given = uses.filter((p) => within.has(p.id)).reduce((sum, p) => sum + p.ppm, 0);
      return given === PPM;
    });
    circles.push({ members: ids, isClosed });
  }
  return circles;
}

/** The circles in force, by each member's id, of registries that were asked. */
const IN_FORCE = new WeakMap<Registry, ReadonlyMap<string, Circle>>();

function circlesInForce(registry: Registry): ReadonlyMap<string, Circle> {
  const known = IN_FORCE.get(registry);
  if (known) return known;
  const found = new Map<string, Circle>();
  for (const circle of declaredCircles(registry)) {
    for (const id of circle.members) found.set(id, circle);
  }
  IN_FORCE.set(registry, found);
  return found;
}

/** The circle that a source is in, if it is in one. @param changed a declaration to be thought in force */
export function circleOf(
  registry: Registry,
  id: string,
  changed?: Declaration,
): Circle | undefined {
  if (changed === undefined || registry.byId.get(changed.id) === changed) {
    return circlesInForce(registry).get(id);
  }
  return declaredCircles(registry, changed).find(({ members }) => members.includes(id));
}

/**
 * Refuses a declaration that `payout` could not divide if each member of its circle followed the others (DESIGN 9).
 * @throws BitmodelError `CLOSED_CIRCLE`, `LARGE_CIRCLE` (exit 2)
 */
export function assertSolvableCircle(registry: Registry, changed: Declaration): void {
  const circle = circleOf(registry, changed.id, changed);
  if (!circle) return;
  const { members, isClosed } = circle;
  if (isClosed) {
    throw new BitmodelError(
      'CLOSED_CIRCLE',
      `${quoted(changed.name)} and ${members.length - 1} other${members.length === 2 ? '' : 's'} would give everything to each other, so that nobody is paid.`,
      { next: 'Let at least one of them keep a share', exitCode: EXIT.usage },
    );
  }
  if (members.length > MAXIMUM_COMPONENT) {
    throw new BitmodelError(
      'LARGE_CIRCLE',
      `${members.length} sources would stand on each other in a circle; at most ${MAXIMUM_COMPONENT} can.`,
      { next: 'Take out the weight that closes the circle', exitCode: EXIT.usage },
    );
  }
}

/** A circle as equations, which are solved for one member at a time. */
class Solver {
  readonly #registry: Registry;
  readonly #circle: Circle;
  readonly #changed: Declaration | undefined;
  readonly #ids: readonly string[];
  readonly #numbers: Uint32Array;
  readonly #cycle: Cycle;

  constructor(registry: Registry, circle: Circle, changed?: Declaration) {
    this.#registry = registry;
    this.#circle = circle;
    this.#changed = changed;
    const members = new Set(circle.members);
    const outside = new Set<string>();
    const inside = circle.members.map((id) => {
      // what nobody published is paid by nobody
      const parents = declaredUses(this.#declared(id)).filter((use) => registry.byId.has(use.id));
      for (const use of parents) if (!members.has(use.id)) outside.add(use.id);
      return { id, parents };
    });
    const graph = buildGraph([...inside, ...[...outside].map((id) => ({ id, parents: [] }))]);
    this.#ids = graph.ids;
    this.#numbers = Uint32Array.from(circle.members, (id) => graph.numberOf.get(id)!);
    this.#cycle = new Cycle(graph, this.#numbers);
  }

  #declared(id: string): Declaration {
    return id === this.#changed?.id ? this.#changed : this.#registry.byId.get(id)!;
  }

  /** Whom a member pays in the end what it does not keep. */
  parentsOf(id: string): DeclaredParent[] {
    const { members } = this.#circle;
    const shares = this.#cycle.divide(members.map((member) => (member === id ? BigInt(PPM) : 0n)));
    const within = new Set(members);
    return [...shares]
      .filter(([, units]) => units > 0n)
      .sort(([a], [b]) => a - b)
      .map(([number, units]) => ({ id: this.#ids[number]!, ppm: Number(units) }))
      .filter((share) => share.id !== id)
      .map((share) => {
        const { owner, split } = this.#declared(share.id);
        return { ...share, pays: sha256(within.has(share.id) ? owner : split) };
      });
  }
}

/** Solvers of the circles in force, so that what their members share is computed once. */
const SOLVERS = new WeakMap<Circle, Solver>();

function solverInForce(registry: Registry, circle: Circle): Solver {
  const known = SOLVERS.get(circle);
  if (known) return known;
  const solver = new Solver(registry, circle);
  SOLVERS.set(circle, solver);
  return solver;
}

/**
 * The declaration of a source in a circle, paid as the circle comes to (DESIGN 9): its contract can't pay the others'
 * contracts, whose hashes would have to be in each other, so it pays who keeps what in the end. What is paid for the source
 * goes round in exact rationals until it is all kept by a member, which is paid at its own address, or has left for a parent
 * outside, which is paid at what it declares; these shares are rounded once, to parts per million by largest remainder.
 * @param changed declares what it uses as its parents; in no circle it is given back as it is
 */
export function solveCircle(registry: Registry, changed: Declaration): Declaration {
  const circle = circleOf(registry, changed.id, changed);
  if (!circle) return changed;
  const isInForce = registry.byId.get(changed.id) === changed;
  const solver = isInForce
    ? solverInForce(registry, circle)
    : new Solver(registry, circle, changed);
  const parents = solver.parentsOf(changed.id);
  const { split: _, ...kept } = changed;
  const uses = declaredUses(changed).map(({ id, ppm }) => ({ id, ppm }));
  return completeDeclaration<OtherDeclaration>({
    ...(kept as OtherDeclaration),
    parents,
    uses,
  }) as Declaration;
}

/**
 * Whether a source in force that says what it uses apart from whom it pays pays what its circle comes to now. If not, it has
 * not followed the others yet, or never meant to: then nobody needs to believe what it says, see {@link usesInForce}.
 */
export function paysItsCircle(registry: Registry, id: string): boolean {
  const known = CHECKED.get(registry) ?? new Map<string, boolean>();
  CHECKED.set(registry, known);
  const pays = known.get(id) ?? checkCircle(registry, id);
  known.set(id, pays);
  return pays;
}

/** What {@link paysItsCircle} found, by id. */
const CHECKED = new WeakMap<Registry, Map<string, boolean>>();

/** What it takes to check one source: the square of its circle's members, and what any check takes. */
export function checkingWork(registry: Registry, id: string): number {
  const members = circleOf(registry, id)?.members.length ?? 0;
  return members > MAXIMUM_COMPONENT ? 1 : 200 + members ** 2;
}

function checkCircle(registry: Registry, id: string): boolean {
  const source = registry.byId.get(id)!;
  const circle = circleOf(registry, id);
  if (!circle || circle.isClosed || circle.members.length > MAXIMUM_COMPONENT) return false;
  return equalBytes(solveCircle(registry, source).split, source.split);
}

/**
 * What readers take a source to declare: whom it pays and how much, or in a circle what it says that it uses, as long as it
 * pays what that comes to. So a pin can't say one thing and pay another.
 */
export function usesInForce(registry: Registry, source: Declaration): readonly ParentShare[] {
  if (source.uses === undefined) return source.parents;
  const isInForce = registry.byId.get(source.id)?.split === source.split;
  return isInForce && paysItsCircle(registry, source.id) ? source.uses : source.parents;
}
