export {
  type AddressParameters,
  addressScript,
  decodeAddress,
  encodeAddress,
  publicKeyAddress,
  scriptAddress,
} from './address/address.js';
export { messageHash, signMessage, verifyMessage } from './address/message.js';
export { decodeWif, encodeWif } from './address/wif.js';
export type { SaidBalance } from './client/balanceJson.js';
export { ChainClient, type KnownTransaction, type Utxo } from './client/ChainClient.js';
export type { CategoryInfo } from './client/categoryJson.js';
export type { CoinPageOptions } from './client/coinPages.js';
export { type NodeEvent, nodeEvents, readEvents } from './client/events.js';
export { findCoin } from './client/findCoin.js';
export type { HistoryOrder, HistoryPlace } from './client/historyPages.js';
export { addressPath, cookiePath, type NodeLocation, type RpcAuth } from './client/nodeLocation.js';
export type { PinEventJson, PinOptions, PinSelector } from './client/pinPages.js';
export { RpcClient, type RpcClientOptions } from './client/RpcClient.js';
export type { Holders } from './client/scriptBatches.js';
export { ByteReader } from './codec/ByteReader.js';
export { ByteWriter } from './codec/ByteWriter.js';
export {
  type Block,
  type BlockHeader,
  blockHash,
  decodeBlock,
  decodeBlockParts,
  decodeHeader,
  encodeBlock,
  encodeHeader,
  MAX_BLOCK_SIZE,
} from './codec/block.js';
export { type MerkleRoot, merkleRoot } from './codec/merkle.js';
export {
  cutTree,
  decodeMerkleBlock,
  encodeMerkleBlock,
  type MerkleBlock,
  merkleLevels,
  type PartialMerkleTree,
  type ProvenTransaction,
  partialMerkleTree,
  provenTransactions,
  readMerkleTree,
  writeMerkleTree,
} from './codec/merkleProof.js';
export {
  decodeOutputScript,
  encodeOutputScript,
  encodeTokenPrefix,
  MAX_COMMITMENT_LENGTH,
  MAX_TOKEN_AMOUNT,
  type Nft,
  type NftCapability,
  type OutputScript,
  type OutputToken,
  readTokenPrefix,
  TOKEN_PREFIX,
} from './codec/token.js';
export {
  decodeTransaction,
  encodeOutpoint,
  encodeTransaction,
  formatOutpoint,
  hashToId,
  idToHash,
  JOB_VERSION,
  metaTxidPreimage,
  NO_JOB,
  type Outpoint,
  parseOutpoint,
  readTransaction,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
  transactionHash,
  transactionId,
} from './codec/transaction.js';
export { asertTarget } from './consensus/asert.js';
export { secondsNow } from './consensus/clock.js';
export { type Coin, hashKey, isUnspendable, outpointKey } from './consensus/coins.js';
export {
  checkProofOfWork,
  type HeaderEntry,
  medianTimePast,
} from './consensus/headers.js';
export {
  MAX_MONEY,
  MAX_TRANSACTION_SIZE,
  type NetworkName,
  type NetworkParameters,
  networkParameters,
} from './consensus/parameters.js';
export { RejectError } from './consensus/RejectError.js';
export { subsidyAt } from './consensus/subsidy.js';
export { bitsToTarget, workOf } from './consensus/target.js';
export { isCoinbase } from './consensus/transactionRules.js';
export { faucetKey, registerFaucet } from './daemon/faucet.js';
export { LocalChain } from './daemon/LocalChain.js';
export {
  type Extension,
  type RunNodeOptions,
  type RunningNode,
  runNode,
} from './daemon/runNode.js';
export { signedCoins } from './explorer/exact.js';
export {
  exploreAddress,
  exploreBlock,
  exploreChain,
  type Page,
  type ShownAddress,
  type ShownBlock,
  type ShownChain,
} from './explorer/explore.js';
export {
  exploreTransaction,
  type ShownCoin,
  type ShownInput,
  type ShownOutput,
  type ShownTransaction,
} from './explorer/transactions.js';
export { type Profile, plainText, readProfile } from './identity/profile.js';
export { type ProvenPin, provePin } from './identity/prove.js';
export {
  createPin,
  hidePin,
  modifyPin,
  type PinContent,
  type PinWrite,
  revokePin,
  transferPin,
} from './identity/write.js';
export {
  type MempoolEntry,
  parentsFirst,
  withAncestors,
} from './mempool/entry.js';
export { MAX_TARGET as MAX_FEE_TARGET } from './mempool/FeeEstimator.js';
export { Mempool } from './mempool/Mempool.js';
export type { IncomingBlock } from './node/BlockAcceptance.js';
export { mayBeMutated } from './node/BlockAcceptance.js';
export { ChainNode, type Tip } from './node/ChainNode.js';
export type { ChainNodeOptions } from './node/ChainNodeOptions.js';
export { MAX_PENDING_HEADERS, type TakenHeaders } from './node/HeaderAcceptance.js';
export { HeaderBranch } from './node/HeaderBranch.js';
export { holderText, metaIdOf } from './pins/identity.js';
export {
  decodePin,
  encodePin,
  formatPinId,
  MAX_PIN_PAYLOAD,
  PIN_OPERATIONS,
  type Pin,
  type PinData,
  type PinOperation,
  type PinStatus,
  type PinVersion,
  parsePinId,
} from './pins/pin.js';
export { coinJson } from './rpc/coinViews.js';
export { NETWORK_HELP } from './rpc/help/network.js';
export {
  helpText,
  type MethodHelp,
  OWN_GROUP,
  type ParamHelp,
  type ParamType,
  paramKind,
  usageLine,
} from './rpc/method.js';
export { CHAIN_HELP } from './rpc/methodHelp.js';
export { balanceAmong } from './rpc/methods/balances.js';
export { unspentAmong } from './rpc/methods/coinLists.js';
export { type ControlOptions, registerControlMethods } from './rpc/methods/control.js';
export { decodeParam } from './rpc/methods/decodeParam.js';
export { historyPage } from './rpc/methods/histories.js';
export { netTotals, networkInfo, requireAddCommand } from './rpc/methods/network.js';
export { listPins, type PinSource, pinHistory } from './rpc/methods/pins.js';
export { registerCodingMethods } from './rpc/methods/rawTransactions.js';
export { scriptsOf } from './rpc/methods/scripts.js';
export { exceedsRate, maxFeeRate } from './rpc/methods/testAccept.js';
export { registerUtilMethods } from './rpc/methods/util.js';
export { registerWaitingMethods } from './rpc/methods/waiting.js';
export { registerChainMethods } from './rpc/nodeServer.js';
export { Params } from './rpc/Params.js';
export {
  type RpcCall,
  type RpcHandler,
  RpcServer,
  type RpcServerOptions,
} from './rpc/RpcServer.js';
export { scriptView } from './rpc/scriptViews.js';
export { argumentsFromText } from './rpc/textArguments.js';
export { difficultyOf, transactionView, workView } from './rpc/views.js';
export {
  assemble,
  disassemble,
  disassembleInstruction,
  parseScriptValue,
  type ScriptValue,
} from './script/assembler.js';
export type { ScriptContext } from './script/context.js';
export { parseScriptContext } from './script/contextJson.js';
export {
  type OutputTemplate,
  OWN_SCRIPT,
  OWN_VALUE,
  requireInputIndex,
  requireJobId,
  requireNoToken,
  requireOutput,
  requireOutputSameCode,
  requireOutputScript,
  requireOutputScriptHash,
  requireOutputTemplate,
  requireOutputValue,
  requireOutputValueAtLeast,
  requireTokenScript,
} from './script/covenant/demands.js';
export {
  checkDrawnThreshold,
  type DrawnThreshold,
  drawnLeaf,
  drawnLeaves,
  SECOND_DRAW,
  type SeatSignature,
  seatItems,
  secondSeed,
} from './script/covenant/draw.js';
export { type Expression, expression, joinParts } from './script/covenant/expression.js';
export {
  asPush,
  cutFields,
  NUMBER_TO_U32,
  share,
  UNSIGNED_TO_NUMBER,
} from './script/covenant/fields.js';
export {
  hashLock,
  hashLockKeeping,
  relativeLock,
  requireDataSignature,
  requireSignature,
  timeLock,
} from './script/covenant/locks.js';
export {
  CLIMB_TREE,
  type CountedTree,
  countedTree,
  MAX_TREE_SIZE,
  proofDepth,
  TREE_LEAF,
  TREE_ROOT,
  verifyProof,
} from './script/covenant/merkle.js';
export { paddingFor, paddingPush } from './script/covenant/padding.js';
export { choosePath } from './script/covenant/paths.js';
export {
  CONTRACT_SEQUENCE,
  type ContractCoin,
  type ContractInput,
  type ContractSpend,
  contractInput,
  DATA_SIGNATURE_PUSH,
  SIGNATURE_PUSH,
  type SpendContext,
  signContract,
  unlockContract,
} from './script/covenant/spend.js';
export {
  demand,
  demandAmount,
  demandInteger,
  demandKey,
  demandLength,
} from './script/covenant/terms.js';
export {
  checkDataThreshold,
  type DataThreshold,
  type NthPayment,
  payNth,
} from './script/covenant/threshold.js';
export { type DebugResult, debugInput } from './script/debugger.js';
export { publicKeyOf, signatureBackend } from './script/ecdsa.js';
export { SCRIPT_ERRORS, type ScriptErrorCode, scriptRejectReason } from './script/errors.js';
export { CONSENSUS_FLAGS, type ScriptFlags } from './script/flags.js';
export {
  type ScriptName,
  type ScriptResult,
  type ScriptTrace,
  type TraceStep,
  verifyInput,
} from './script/interpreter.js';
export {
  hashIterationLimit,
  LIMITS as SCRIPT_LIMITS,
  operationCostLimit,
} from './script/limits.js';
export { LOCK_TIME_THRESHOLD, SEQUENCE_MASK } from './script/lockTimes.js';
export { decodeNumber, encodeNumber, isMinimalNumber } from './script/number.js';
export { OP, type OpcodeName, opcodeName } from './script/opcodes.js';
export {
  decodeScript,
  type Instruction,
  isPushOnly,
  pushData,
  pushNumber,
  readInstruction,
} from './script/push.js';
export { SIGHASH, signatureHash, signatureHashPreimage } from './script/sighash.js';
export {
  type SignInputOptions,
  signData,
  signInput,
  verifyData,
} from './script/signing.js';
export {
  classifyScript,
  hash160,
  p2pkhHash,
  p2pkhScript,
  type ScriptClass,
} from './script/standard.js';
export { ChainStore } from './store/ChainStore.js';
export type { StoredTransaction } from './store/ChainView.js';
export type { PlacedTransaction } from './store/changes.js';
export { type LightRecord, LightStore } from './store/LightStore.js';
export { demandLmdbFile } from './store/lmdbFile.js';
export type { PinQueries } from './store/PinQueries.js';
export type { ChainPlace } from './store/pinRecords.js';
export {
  locationOfTransaction,
  type PlacedIndex,
  placedFrom,
} from './store/places.js';
export { spenderOf } from './store/queries.js';
export type { BlockStatus, HeaderRecord } from './store/records.js';
export { type TokenEvent, type TokenPlace, tokenEvents } from './tokens/history.js';
export {
  findBirthCoin,
  type MintPlan,
  makeBirthCoin,
  mintedAt,
  type NewToken,
  planMint,
  sendMint,
} from './tokens/mint.js';
export { heldNft, type NftName, planNftSend, sendNft } from './tokens/send.js';
export { fundFrom, TOKEN_FEES, tokenOutput } from './tokens/spend.js';
export { planUnitsSend, sendUnits } from './tokens/units.js';
export { Account, type AccountIndexes } from './wallet/Account.js';
export {
  type AccountFile,
  type AccountSecret,
  encodeAccountFile,
  openAccountSecret,
  sealAccount,
  unsealAccount,
  type WatchFile,
  watchFile,
} from './wallet/accountFile.js';
export { type Balance, isMature } from './wallet/balance.js';
export { type Bump, planBump } from './wallet/bump.js';
export {
  checkAmounts,
  checkScripts,
  type FeeLimits,
  MAX_FEE,
  previousOutputs,
  previousTransactions,
  proveCoins,
} from './wallet/check.js';
export {
  accountDescriptors,
  descriptorChecksum,
  withDescriptorChecksum,
} from './wallet/descriptor.js';
export { discoverAccount } from './wallet/discovery.js';
export { decodeEnvelope, type Envelope, encodeEnvelope } from './wallet/envelope.js';
export { estimateFeeRate, MAX_ESTIMATED_FEE_RATE } from './wallet/feeEstimate.js';
export { type FileHold, holdFileLock, withFileLock } from './wallet/fileLock.js';
export {
  type FixedInput,
  type FundedTransaction,
  type FundRequest,
  fundTransaction,
} from './wallet/fund.js';
export {
  accountPath,
  decodeExtendedKey,
  derivationPath,
  extendedKeyVersions,
  normalizePath,
} from './wallet/hd.js';
export {
  assertCanSign,
  decodeKeyFile,
  type KeyFile,
  type KeyKind,
  keyAddress,
  keyKind,
  openKeyFile,
  watchedAccount,
} from './wallet/keyFile.js';
export {
  assertKeyAbsent,
  type CreateKeystoreOptions,
  createKeystore,
  keyPath,
  listKeys,
  loadKey,
  openKeystore,
  readKeyFile,
  writeKeyFile,
} from './wallet/keyring.js';
export { createKey, type KeyPair, keyPair } from './wallet/keys.js';
export {
  decodeKeystore,
  encodeKeystore,
  type Keystore,
  sealKey,
  unsealKey,
} from './wallet/keystore.js';
export { createMnemonic, keyFromMnemonic, normalizeMnemonic } from './wallet/mnemonic.js';
export type {
  SendOptions,
  Sent,
  SpendLimits,
  SpendPlan,
  SweepOptions,
  WalletFundRequest,
  WalletOptions,
} from './wallet/requests.js';
export { isConflict } from './wallet/sendFailures.js';
export { signP2pkhInputs } from './wallet/sign.js';
export {
  DUST,
  dustOf,
  FEE_RATE,
  P2PKH_INPUT_SIZE,
  P2PKH_OUTPUT_SIZE,
  P2PKH_UNLOCKING_SIZE,
  sizeWhenUnlocked,
} from './wallet/size.js';
export { type SweepRequest, sweepTransactions } from './wallet/sweep.js';
export { checkTokensKept } from './wallet/tokens.js';
export { Wallet } from './wallet/Wallet.js';
export { WalletBook } from './wallet/WalletBook.js';
export { amountOf } from './wire/amount.js';
export { encodeJson, indentJson, JsonAmount, JsonList, memberText } from './wire/json.js';
export { JsonNumber, parseJson, plainJson } from './wire/parseJson.js';
export { RPC_CODE, RpcError } from './wire/RpcError.js';
export { parseTokenView, type TokenJson, tokenView } from './wire/tokenView.js';
