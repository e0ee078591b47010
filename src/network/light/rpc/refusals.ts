import { RPC_CODE, RpcError, type RpcServer } from '../../../chain/index.js';

/** What a full node answers and a light node can't: it has no blocks, no set of all outputs, and no mempool of others. */
const REFUSED = [
  'estimaterawfee',
  'faucet',
  'generateblock',
  'generatetoaddress',
  'getblock',
  'getblockstats',
  'getblocktemplate',
  'getchaintips',
  'getmempoolancestors',
  'getmempooldescendants',
  'getmempoolentry',
  'getmininginfo',
  'getnetworkhashps',
  'getprioritisedtransactions',
  'getrawmempool',
  'gettoken',
  'gettokenhistory',
  'gettokens',
  'gettxoutproof',
  'gettxoutsetinfo',
  'invalidateblock',
  'preciousblock',
  'prioritisetransaction',
  'reconsiderblock',
  'savemempool',
  'submitblock',
  'submitheader',
  'testmempoolaccept',
  'verifytxoutproof',
] as const;

/** Makes a light node say of each such method why it does not answer, instead of not to know it. */
export function registerRefusals(server: RpcServer): void {
  for (const method of REFUSED) {
    server.register(method, () => {
      const message = `A light node keeps headers only and can't answer ${method}`;
      throw new RpcError(RPC_CODE.headersOnly, message, { method });
    });
  }
}
