import { COIN, toHex } from '#src/base/index.js';
import { createKey, hash160, p2pkhScript, Wallet } from '#src/chain/index.js';
import {
  createTask,
  findTask,
  type ImiHands,
  type ImiTask,
  type PinnedTask,
  readProgress,
  type TaskProgress,
  taskId,
} from '#src/reward/index.js';
import { REGTEST, type Regtest } from '../../regtest.js';

/** Somebody with a key and no coins. */
export function handsOn(regtest: Regtest): ImiHands {
  const key = createKey(REGTEST);
  const wallet = new Wallet({ client: regtest.chain, keys: [key], params: REGTEST });
  return { chain: regtest.chain, wallet, key };
}

/** So many people with twelve coins each, in six outputs, so that each can send six transactions before a block. */
export async function peopleOn(regtest: Regtest, count: number): Promise<ImiHands[]> {
  const people = Array.from({ length: count }, () => handsOn(regtest));
  await regtest.pay(
    people.flatMap(({ key }) =>
      Array.from({ length: 6 }, () => ({
        value: 2n * COIN,
        lockingScript: p2pkhScript(hash160(key.publicKey)),
      })),
    ),
  );
  return people;
}

/** Pins a task in a block. */
export async function pinned(
  regtest: Regtest,
  hands: ImiHands,
  task: ImiTask,
): Promise<PinnedTask> {
  await createTask(hands, task);
  await regtest.mine();
  return findTask(regtest.chain, toHex(taskId(task)));
}

/** What the chain says after one more block. */
export async function nextBlock(regtest: Regtest, known: PinnedTask): Promise<TaskProgress> {
  await regtest.mine();
  return readProgress(regtest.chain, known);
}
