import { fork } from 'node:child_process';

const CHILD = new URL('child.js', import.meta.url);

/** The near end of an engine in a process of its own. */
export class Engine {
  #child;
  loadSeconds;

  static async open(name, model) {
    const engine = new Engine();
    engine.#child = fork(CHILD, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    engine.loadSeconds = (await engine.#ask({ open: name, model })).loadSeconds;
    return engine;
  }

  /** One greedy answer. @returns its ids, seconds to the first token and for the steps behind it */
  decode(promptIds, tokens, options = {}) {
    return this.#ask({ promptIds, tokens, ...options });
  }

  /** Several answers at once. @returns tokens and seconds while all are under way */
  together(prompts, tokens) {
    return this.#ask({ prompts, tokens });
  }

  async #ask(message) {
    const child = this.#child;
    const answer = await new Promise((resolve, reject) => {
      const onExit = (code) => reject(new Error(`the engine ended with code ${code}`));
      child.once('exit', onExit);
      child.once('message', (reply) => {
        child.off('exit', onExit);
        resolve(reply);
      });
      child.send(message);
    });
    if (answer.failed) throw new Error(answer.failed);
    return answer;
  }

  async close() {
    if (!this.#child.connected) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.send({ close: true });
    await ended;
  }
}
