import type { NetworkParameters } from '../../chain/index.js';
import type { BondChain } from '../bonds/bonds.js';
import { type Message, messageId } from '../messages.js';
import { type ContractChain, type ProvenCase, proveCase } from './onChain.js';

/** What the chain says of appeals, asked once for each height: a reorganisation may take a contest away. */
export class CaseProofs {
  readonly #chain: ContractChain & BondChain;
  readonly #params: NetworkParameters;
  readonly #known = new Map<string, Promise<ProvenCase | undefined>>();
  #height = -1;

  constructor(chain: ContractChain & BondChain, params: NetworkParameters) {
    this.#chain = chain;
    this.#params = params;
  }

  /** The case of an appeal as {@link proveCase} has it. @param tip height of the chain */
  async of(appeal: Message<'appeal'>, tip: number): Promise<ProvenCase | undefined> {
    if (tip !== this.#height) this.#known.clear();
    this.#height = tip;
    const id = messageId(appeal);
    const asked = this.#known.get(id) ?? proveCase(this.#chain, this.#params, appeal);
    this.#known.set(id, asked);
    try {
      return await asked;
    } catch (thrown) {
      // the node was away: it is asked again
      this.#known.delete(id);
      throw thrown;
    }
  }
}
