import { BitmodelError, messageOf, toHex, utf8 } from '../../../base/index.js';
import { addressScript } from '../../address/address.js';
import { signMessage, verifyMessage } from '../../address/message.js';
import { decodeWif } from '../../address/wif.js';
import type { NetworkParameters } from '../../consensus/parameters.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { UTIL_HELP } from '../help/control.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';

function validateAddress(address: string, parameters: NetworkParameters): object {
  try {
    const script = addressScript(address, parameters);
    const scriptPubKey = toHex(script);
    return { isvalid: true, address, scriptPubKey, isscript: false, iswitness: false };
  } catch (thrown) {
    return { isvalid: false, error_locations: [], error: messageOf(thrown) };
  }
}

function verify(params: Params, parameters: NetworkParameters): boolean {
  const address = params.string(0, 'address');
  const message = utf8(params.string(2, 'message'));
  try {
    return verifyMessage(address, params.string(1, 'signature'), message, parameters);
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    throw thrown.code === 'BAD_MESSAGE_SIGNATURE'
      ? new RpcError(RPC_CODE.type, 'Malformed base64 encoding', { cause: thrown })
      : new RpcError(RPC_CODE.notFound, 'Invalid address', { cause: thrown });
  }
}

function sign(params: Params, parameters: NetworkParameters): string {
  const message = utf8(params.string(1, 'message'));
  let key: Uint8Array;
  try {
    key = decodeWif(params.string(0, 'privkey'), parameters);
  } catch (thrown) {
    throw new RpcError(RPC_CODE.notFound, 'Invalid private key', { cause: thrown });
  }
  return signMessage(message, key);
}

/** Methods that need no chain: addresses and signed messages. */
export function registerUtilMethods(server: RpcServer, parameters: NetworkParameters): void {
  server.register(
    'validateaddress',
    (values) => validateAddress(new Params(values).string(0, 'address'), parameters),
    UTIL_HELP.validateaddress,
  );
  server.register(
    'verifymessage',
    (values) => verify(new Params(values), parameters),
    UTIL_HELP.verifymessage,
  );
  server.register(
    'signmessagewithprivkey',
    (values) => sign(new Params(values), parameters),
    UTIL_HELP.signmessagewithprivkey,
  );
}
