/** What ONNX Runtime asks its environment before it sends anything. */
const SWITCH = 'ORT_DISABLE_TELEMETRY';

/**
 * Turns off what ONNX Runtime does unasked from 1.30 on: it tells its maker of each session, with a device id, the file's name
 * and run times, and keeps a database in the home folder and a log in the folder for temporary files. Whoever set the switch is
 * left their choice. Native code reads the process's own environment, of which other threads' `process.env` is a copy: call
 * this on the main thread, before a thread loads ONNX Runtime.
 */
export function disableTelemetry(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  environment[SWITCH] ??= '1';
  return environment;
}
