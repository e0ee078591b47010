import { createHash, randomBytes } from 'node:crypto';

const ROUNDS = 7;
/** Milliseconds that each way of hashing is given per round. */
const SPAN = 1_000;

/** Hashes per second of node:crypto, hashing whole headers twice as any program would. */
function cryptoRate(header) {
  const bytes = Buffer.from(header);
  const started = performance.now();
  let count = 0;
  while (performance.now() - started < SPAN) {
    for (let i = 0; i < 1_000; i++) {
      bytes.writeUInt32LE(count++, 76);
      const inner = createHash('sha256').update(bytes).digest();
      createHash('sha256').update(inner).digest();
    }
  }
  return (count * 1_000) / (performance.now() - started);
}

/** Hashes per second of one of our searches, with a target that nothing meets. */
function searchRate(search, header) {
  search.begin(header, 0n);
  const slice = search.kind === 'simd' ? 65_536 : 8_192;
  const started = performance.now();
  let count = 0;
  while (performance.now() - started < SPAN) {
    search.scan(count, slice);
    count += slice;
  }
  return (count * 1_000) / (performance.now() - started);
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
}

/** `npm run bench -- mine`: nonces per second of one thread, in turn with a loop over node:crypto. */
export async function run() {
  const { ScalarSearch, SimdSearch } = await import('../dist/chain/mining/NonceSearch.js');
  const header = randomBytes(80);
  const simd = new SimdSearch();
  const scalar = new ScalarSearch();
  const rates = { simd: [], scalar: [], crypto: [] };
  for (const search of [simd, scalar]) searchRate(search, header);
  for (let round = 0; round < ROUNDS; round++) {
    rates.simd.push(searchRate(simd, header));
    rates.scalar.push(searchRate(scalar, header));
    rates.crypto.push(cryptoRate(header));
  }
  const against = (name) => rates[name].map((rate, round) => rate / rates.crypto[round]);
  const figures = {
    'WebAssembly, four at once, kH/s': spread(rates.simd.map((rate) => rate / 1e3)),
    'plain JavaScript, kH/s': spread(rates.scalar.map((rate) => rate / 1e3)),
    'node:crypto, kH/s': spread(rates.crypto.map((rate) => rate / 1e3)),
    'WebAssembly / node:crypto': spread(against('simd')),
    'plain JavaScript / node:crypto': spread(against('scalar')),
  };
  process.stdout.write(
    `${''.padEnd(34)}${'min'.padStart(10)}${'median'.padStart(10)}${'max'.padStart(10)}\n`,
  );
  for (const [name, { min, median, max }] of Object.entries(figures)) {
    const cells = [min, median, max].map((value) =>
      value.toFixed(value < 100 ? 2 : 0).padStart(10),
    );
    process.stdout.write(`${name.padEnd(34)}${cells.join('')}\n`);
  }
  return figures;
}
