#!/usr/bin/env node
// Launcher: checks the run time before any modern syntax or dependency is loaded, then hands over to dist/.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `bitmodel needs Node.js 20.19 or newer; this is ${process.versions.node}. Install a newer Node.js and try again.\n`,
  );
  process.exit(1);
}
// whoever reports a bug shows lines of the sources, not of the bundle
if (process.env.BITMODEL_DEBUG) process.setSourceMapsEnabled(true);
const { main } = await import('../dist/bundle/cli.js');
await main(process.argv);
