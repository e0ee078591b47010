import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('../bin/bitmodel.js', import.meta.url));

/** Starts `bitmodel node` on a folder; settles when it says that it listens. */
export async function startNode(datadir, ...flags) {
  const started = performance.now();
  const args = [binary, 'node', '--regtest', '--datadir', datadir, '--rpc-port', '0', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const milliseconds = performance.now() - started;
  const url = /http:\/\/\S+/.exec(String(line))?.[0];
  if (!url) throw new Error(`the node said: ${line}`);
  // user and system time so far, in clock ticks of 10 ms
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const cpu = (Number(fields[11]) + Number(fields[12])) * 10;
  const stop = async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  const cookie = readFileSync(`${datadir}/regtest/.cookie`, 'utf8').trim();
  const call = async (method, ...params) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(cookie).toString('base64')}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = await response.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  return { pid: child.pid, milliseconds, cpu, call, stop };
}

/** Makes the chain of a folder that another version left readable again. */
export async function renew(datadir) {
  const { ChainNode } = await import('bitmodel/chain');
  const open = (reindex) => ChainNode.open({ datadir, network: 'regtest', reindex });
  const node = await open(false).catch((thrown) => {
    if (thrown.code !== 'STORE_FORMAT') throw thrown;
    process.stderr.write('rebuilding the chain for this version …\n');
    return open(true);
  });
  await node.close();
}
