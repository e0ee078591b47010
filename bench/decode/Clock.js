/** CPU seconds of this process, all its threads. */
function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** When the tokens of one answer came, and what the processor did from the first of them on. */
export class Clock {
  asked = performance.now();
  times = [];
  #cpuAtFirst = 0;

  /** A token has come. */
  tick() {
    this.times.push(performance.now());
    if (this.times.length === 1) this.#cpuAtFirst = cpuSeconds();
  }

  /** What an answer took: seconds to its first token, from there to its last, and the processor's for the latter. */
  taken(ids) {
    const { asked, times } = this;
    return {
      ids,
      firstSeconds: (times[0] - asked) / 1000,
      seconds: (times.at(-1) - times[0]) / 1000,
      cpuSeconds: cpuSeconds() - this.#cpuAtFirst,
      steps: ids.length - 1,
    };
  }
}
