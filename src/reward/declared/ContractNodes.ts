import { sha256, toHex } from '../../base/index.js';
import { PPM, type SourceDeclaration } from '../graph/graph.js';
import type { Declaration, DeclaredParent } from './declaration.js';
import type { Registry } from './registry.js';

/** One version of a source, as a node of the chain's graph. */
interface Node {
  /** The source's id for what is in force; `ID@HEIGHT` for an older version. */
  readonly name: string;
  readonly declaration: Declaration;
}

/** An edge of the chain's graph, with what it stands for. */
export interface ContractEdge {
  readonly id: string;
  readonly ppm: number;
}

/** A node of the chain's graph before it is one: with its edges and, where it stands for a source, what that declares. */
export interface ContractNode extends SourceDeclaration {
  readonly parents: readonly ContractEdge[];
  /** undefined for a node that only passes on, or that no pin shows. */
  readonly declaration: Declaration | undefined;
}

const hashOf = (script: Uint8Array): string => toHex(sha256(script));
const hasContract = ({ parents }: Declaration): boolean => parents.some(({ ppm }) => ppm > 0);

/** Shown of a script's hash in the name of a node that stands for no version of a source. */
const HASH_DIGITS = 16;

/**
 * The nodes of the graph that contracts make. A child's contract names the hash of the script that its parent was paid at
 * when it declared, and pays that script whatever the parent declared since. So a node is a version of a source.
 */
export class ContractNodes {
  readonly #registry: Registry;
  readonly #addressOf: (script: Uint8Array) => string;
  /** By id and hash of the script: the version in force, else the first that has the script. */
  readonly #versions = new Map<string, Node>();
  /** By hash of a contract: the node whose money lies in it. Two sources of one owner may declare the same contract. */
  readonly #contracts = new Map<string, Node>();
  /** By id and hash: the owners' own scripts, at which sources in a circle pay each other. */
  readonly #owners = new Set<string>();
  readonly #found = new Map<string, ContractNode>();
  readonly #waiting: Node[] = [];

  /** @param addressOf text of whoever a locking script pays */
  constructor(registry: Registry, addressOf: (script: Uint8Array) => string) {
    this.#registry = registry;
    this.#addressOf = addressOf;
    for (const [id, declaration] of registry.byId) this.#note({ name: id, declaration });
    for (const [id, claims] of registry.claims) {
      const inBlock = new Map<number, number>();
      for (const { versions } of claims) {
        for (const { declaration, height } of versions) {
          const before = inBlock.get(height) ?? 0;
          inBlock.set(height, before + 1);
          const name = before === 0 ? `${id}@${height}` : `${id}@${height}.${before + 1}`;
          this.#note({ name, declaration });
        }
      }
    }
  }

  /** Every source in force, and every older version that a contract of these still pays, directly or through others. */
  all(): ContractNode[] {
    for (const [id, declaration] of this.#registry.byId) this.#want({ name: id, declaration });
    for (let node = this.#waiting.pop(); node; node = this.#waiting.pop()) {
      this.#found.set(node.name, this.#nodeOf(node));
    }
    return [...this.#found.values()];
  }

  /** Name of the node that a source's money for a parent goes to. */
  target({ id, pays }: Pick<DeclaredParent, 'id' | 'pays'>): string {
    const hash = toHex(pays);
    const version = this.#versions.get(`${id}:${hash}`);
    if (version) {
      this.#want(version);
      return version.name;
    }
    return this.#unnamed(id, hash);
  }

  #note(node: Node): void {
    const hash = hashOf(node.declaration.split);
    const key = `${node.declaration.id}:${hash}`;
    if (!this.#versions.has(key)) this.#versions.set(key, node);
    this.#owners.add(`${node.declaration.id}:${hashOf(node.declaration.owner)}`);
    if (hasContract(node.declaration) && !this.#contracts.has(hash)) {
      this.#contracts.set(hash, this.#versions.get(key)!);
    }
  }

  #want(node: Node): void {
    if (this.#found.has(node.name)) return;
    // its place is taken before its edges are looked up, so that it is looked up once
    this.#found.set(node.name, this.#about(node, []));
    this.#waiting.push(node);
  }

  #called(id: string): Pick<SourceDeclaration, 'name' | 'kind'> {
    const { name, kind } = this.#registry.byId.get(id) ?? {};
    return { name, kind };
  }

  #about({ name, declaration }: Node, parents: readonly ContractEdge[]): ContractNode {
    const { kind, name: called, owner } = declaration;
    return { id: name, owner: this.#addressOf(owner), kind, name: called, parents, declaration };
  }

  #nodeOf(node: Node): ContractNode {
    const { declaration } = node;
    const shared = this.#contracts.get(hashOf(declaration.split));
    if (shared && shared.name !== node.name) {
      // what lies in one script is divided as one sum, whoever's name it came by
      this.#want(shared);
      return this.#about(node, [{ id: shared.name, ppm: PPM }]);
    }
    const paid = declaration.parents.filter(({ ppm }) => ppm > 0);
    return this.#about(
      node,
      paid.map((parent) => ({ id: this.target(parent), ppm: parent.ppm })),
    );
  }

  /** A node for a script that is not the parent's: what lies behind it is paid, under the parent's name. */
  #unnamed(id: string, hash: string): string {
    const name = `${id}@${hash.slice(0, HASH_DIGITS)}`;
    if (this.#found.has(name)) return name;
    const contract = this.#contracts.get(hash);
    const script = this.#registry.scripts.get(hash);
    this.#found.set(name, {
      id: name,
      ...(script && !contract ? { owner: this.#addressOf(script) } : {}),
      ...(this.#owners.has(`${id}:${hash}`) ? this.#called(id) : {}),
      parents: contract ? [{ id: contract.name, ppm: PPM }] : [],
      declaration: undefined,
    });
    if (contract) this.#want(contract);
    return name;
  }
}
