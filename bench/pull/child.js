import { join } from 'node:path';
import { ModelExchange, Peers } from 'bitmodel/network';

/** `serve FOLDER` gives the models of a folder; `pull FOLDER ID ADDRESS…` fetches one, and says how long that took. */
const [job, datadir, id, ...addresses] = process.argv.slice(2);
const onWarning = (message) => process.stderr.write(`${message}\n`);
const peers = await Peers.start({
  folder: join(datadir, 'regtest'),
  network: 'regtest',
  listen: ['/ip4/127.0.0.1/tcp/0'],
  onWarning,
});
// nobody is dialled but those that are named
peers.dialler.isActive = false;
const { host, penalties } = peers;
const exchange = new ModelExchange({
  host,
  penalties,
  datadir,
  network: 'regtest',
  isCalibration: () => false,
  onWarning,
});

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

if (job === 'serve') {
  await exchange.models.ids();
  process.stdout.write(`${host.addresses()[0]}\n`);
} else {
  for (const address of addresses) {
    const { peer } = await host.dial(address);
    while (host.protocolsOf(peer).length === 0) await pause(5);
  }
  const started = performance.now();
  exchange.pulls.start({ id, about: { name: 'bench' } });
  let status = exchange.pulls.status(id);
  while (status.state !== 'done') {
    if (status.failure) throw new Error(status.failure.message);
    await pause(5);
    status = exchange.pulls.status(id);
  }
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${JSON.stringify({ seconds })}\n`);
}
