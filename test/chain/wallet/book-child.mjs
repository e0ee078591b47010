// Reserves the coins it is told of, says whether it could, and waits until it is killed.
import { parseOutpoint, WalletBook } from '../../../dist/chain/index.js';

const [, , path, times, ...outpoints] = process.argv;
const book = new WalletBook(path);
if (times === '1') {
  process.stdout.write(`${book.reserve(outpoints.map(parseOutpoint))}\n`);
  setInterval(() => undefined, 1_000);
} else if (times === 'at') {
  // as many of these as there are begin in the same moment
  process.stdout.write('ready\n');
  process.stdin.once('data', (moment) => {
    while (Date.now() < Number(moment));
    process.stdout.write(`${book.reserve(outpoints.map(parseOutpoint))}\n`);
    // its reservation lasts as long as it lives
    process.stdin.once('data', () => process.exit());
  });
} else {
  // locks one coin after the other, so that two of these get in each other's way
  for (const outpoint of outpoints) book.lock(parseOutpoint(outpoint));
}
