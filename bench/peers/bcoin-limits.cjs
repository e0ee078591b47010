'use strict';

/** Bitcoin's blocks hold 1 MB without witnesses; bcoin reads its limits when it checks, so they can be raised to ours. */
exports.prepare = (bcoin) => {
  const { consensus } = bcoin;
  consensus.MAX_BLOCK_SIZE = 32_000_000;
  consensus.MAX_RAW_BLOCK_SIZE = 32_000_000;
  consensus.MAX_BLOCK_WEIGHT = 128_000_000;
  consensus.MAX_BLOCK_SIGOPS_COST = 1_000_000;
};
