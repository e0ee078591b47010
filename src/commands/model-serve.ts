import type { Command } from 'commander';
import { EXIT } from '../base/index.js';
import { ServedModels } from '../model/index.js';
import { WebSeed } from '../network/index.js';
import { action } from './shared/action.js';
import { wholeOption } from './shared/number-options.js';

const PORT = '9780';
const MAX_PORT = 65_535;

interface ServeOptions {
  readonly port: string;
  readonly host: string;
}

const serve = action<ServeOptions>(async (_, { options, settings, terminal, signal }) => {
  const port = wholeOption(options.port, '--port', 0, MAX_PORT);
  const models = new ServedModels(settings.datadir, (message) => terminal.warn(message));
  const ids = await models.ids();
  if (ids.length === 0) terminal.note('No models yet. Pack one with: bitmodel model pack DIR');
  const onWarning = (message: string): void => terminal.warn(message);
  const seed = await WebSeed.listen({ models, host: options.host, port, onWarning });
  try {
    const { host } = options;
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${seed.port}`;
    const shared = ids.map((id) => ({
      id,
      torrent: `${url}/${id}.torrent`,
      files: `${url}/${id}/`,
    }));
    terminal.result(
      { url, models: shared },
      () => [`models are served at ${url}`, ...shared.map(({ torrent }) => torrent)].join('\n'),
      url,
    );
    await new Promise<void>((done) => {
      signal.addEventListener('abort', () => done());
      if (signal.aborted) done();
    });
  } finally {
    await seed.close();
    await models.close();
  }
  terminal.note('The models are served no more.');
  return EXIT.done;
});

/** `model serve`. */
export function registerServe(model: Command): void {
  model
    .command('serve')
    .summary('give packed models to BitTorrent clients over HTTP')
    .description(
      'Serves the models of this data folder as a BitTorrent web seed (BEP 19): any BitTorrent v2 client can fetch them. A node shares them with other nodes by itself; this needs none.',
    )
    .option('--port <port>', 'port to listen on; 0 takes any free one', PORT)
    .option('--host <address>', 'address of this machine to listen on', '127.0.0.1')
    .addHelpText(
      'after',
      `
Ctrl-C stops it. Models packed or pulled meanwhile are served, too.

Example:
  $ bitmodel model serve --host 0.0.0.0
  $ curl -O http://127.0.0.1:${PORT}/ID.torrent`,
    )
    .action(serve);
}
