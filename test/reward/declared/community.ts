import { sha256, toHex, utf8 } from '#src/base/index.js';
import { addressScript, createKey, type KeyPair, Wallet } from '#src/chain/index.js';
import {
  declareSource,
  findDeclaration,
  type OtherDeclaration,
  type ParentShare,
  publishSource,
  readRegistry,
  type SourceKind,
} from '#src/reward/index.js';
import { REGTEST, Regtest } from '../../regtest.js';

/** The id that a test gives a name. */
export const idOf = (name: string): string => toHex(sha256(utf8(name)));

/** A parent and its weight, as tests write it. */
export const uses = (name: string, ppm: number): ParentShare => ({ id: idOf(name), ppm });

/** People with keys and coins on a real chain, who publish sources. */
export class Community {
  readonly #keys = new Map<string, KeyPair>();

  private constructor(readonly regtest: Regtest) {}

  static async open(people: readonly string[]): Promise<Community> {
    const community = new Community(await Regtest.open());
    const outputs = people.map((name) => {
      const key = createKey(REGTEST);
      community.#keys.set(name, key);
      return { value: 1_000_000n, lockingScript: addressScript(key.address, REGTEST) };
    });
    await community.regtest.pay(outputs);
    return community;
  }

  close(): Promise<void> {
    return this.regtest.close();
  }

  key(name: string): KeyPair {
    return this.#keys.get(name)!;
  }

  address(name: string): string {
    return this.key(name).address;
  }

  script(name: string): Uint8Array {
    return addressScript(this.address(name), REGTEST);
  }

  wallet(name: string): Wallet {
    return new Wallet({ client: this.regtest.chain, keys: [this.key(name)], params: REGTEST });
  }

  /** A source of its owner's, in a block. */
  async publish(
    owner: string,
    name: string,
    parents: readonly ParentShare[] = [],
    kind: SourceKind = 'code',
  ): Promise<OtherDeclaration> {
    const draft = { id: idOf(name), name, kind, owner: this.script(owner), parents };
    const source = await declareSource(this.regtest.chain, draft);
    await publishSource(this.wallet(owner), source);
    await this.regtest.mine();
    return source;
  }

  /** What is declared under a name now. */
  async declared(name: string) {
    return findDeclaration(await readRegistry(this.regtest.chain), idOf(name));
  }

  /** What lies at somebody's address. */
  async balance(name: string): Promise<bigint> {
    const coins = await this.regtest.chain.utxos([this.address(name)]);
    return coins.reduce((sum, { output }) => sum + output.value, 0n);
  }
}
