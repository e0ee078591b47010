import { BitmodelError, sha256, toHex } from '../../base/index.js';
import type { FrameStream, Host, PeerId } from '../../network/index.js';
import {
  answersFor,
  type Calibration,
  type CheckAnswer,
  calibrationHash,
  decodeAnswer,
  opensTo,
  parseCalibration,
} from '../../rastic/index.js';
import {
  type AskFrame,
  CHECK_PROTOCOL,
  decodeSay,
  encodeAsk,
  type ModelName,
  type NeighbourFacts,
  REFUSALS,
  type SayFrame,
} from './checkFrames.js';
import { checkRequestId } from './checkRequest.js';

/** The asker's side of one conversation with a neighbour. Whatever fails in it is the neighbour's silence, never more. */
export class Conversation {
  readonly neighbour: PeerId;
  readonly #stream: FrameStream;
  readonly #name: ModelName;
  #asked: { requestId: Uint8Array; positions: number } | undefined;
  #commitment: Uint8Array | undefined;

  private constructor(neighbour: PeerId, stream: FrameStream, name: ModelName) {
    this.neighbour = neighbour;
    this.#stream = stream;
    this.#name = name;
  }

  /**
   * Begins one, if the neighbour has the model.
   * @throws BitmodelError of the stream, `CHECK_REFUSED`, `BAD_ENCODING`
   */
  static async begin(
    host: Host,
    neighbour: PeerId,
    name: ModelName,
    signal: AbortSignal,
  ): Promise<{ conversation: Conversation; facts: NeighbourFacts }> {
    const stream = await host.open(neighbour, CHECK_PROTOCOL, signal);
    const conversation = new Conversation(neighbour, stream, name);
    try {
      await conversation.#say({ kind: 'model', ...name });
      const facts = await conversation.#next('facts', signal);
      return { conversation, facts };
    } catch (thrown) {
      stream.abort();
      throw thrown;
    }
  }

  /**
   * The calibration of the model's name, as its hash shows.
   * @throws BitmodelError also `BAD_CALIBRATION` for another one
   */
  async calibration(signal: AbortSignal): Promise<Calibration> {
    await this.#say({ kind: 'calibration' });
    const { json } = await this.#next('calibration', signal);
    const text = Buffer.from(json).toString('utf8');
    const calibration = parseCalibration(text, 'what the neighbour sent');
    const isNamed = toHex(sha256(json)) === this.#name.calibration;
    if (!isNamed || toHex(calibrationHash(calibration)) !== this.#name.calibration) {
      throw new BitmodelError('BAD_CALIBRATION', 'A neighbour sent another calibration.', {
        next: 'Ask another neighbour',
      });
    }
    return calibration;
  }

  /** Asks, and takes the commitment to the answer. */
  async ask(request: Uint8Array, positions: number, signal: AbortSignal): Promise<void> {
    this.#asked = { requestId: checkRequestId(request), positions };
    await this.#say({ kind: 'question', request });
    this.#commitment = (await this.#next('commitment', signal)).commitment;
  }

  /**
   * Lets the neighbour show what it committed to.
   * @throws BitmodelError also `BAD_ENCODING` where it shows something else
   */
  async reveal(signal: AbortSignal): Promise<CheckAnswer> {
    await this.#say({ kind: 'reveal' });
    const { salt, answer: bytes } = await this.#next('answer', signal);
    const { requestId, positions } = this.#asked!;
    const binding = { requestId, neighbour: this.neighbour };
    if (!opensTo(this.#commitment!, bytes, salt, binding)) {
      throw unusable('it shows another answer than it committed to');
    }
    const answer = decodeAnswer(bytes);
    if (!answersFor(answer, positions)) throw unusable('it answers for other positions');
    return answer;
  }

  end(): void {
    this.#stream.abort();
  }

  #say(frame: AskFrame): Promise<void> {
    return this.#stream.send(encodeAsk(frame));
  }

  async #next<Kind extends SayFrame['kind']>(
    kind: Kind,
    signal: AbortSignal,
  ): Promise<Extract<SayFrame, { kind: Kind }>> {
    const stop = (): void => this.#stream.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        const bytes = await this.#stream.receive();
        if (bytes === undefined) throw unusable('it hung up');
        const frame = decodeSay(bytes);
        if (frame.kind === 'waiting') continue;
        if (frame.kind === 'refusal') throw refusal(REFUSALS[frame.refusal]);
        if (frame.kind !== kind) throw unusable('it speaks out of turn');
        return frame as Extract<SayFrame, { kind: Kind }>;
      }
    } catch (thrown) {
      // what the stream throws when it is ended here says nothing of why
      throw signal.aborted ? unusable('it had not answered when its time was over') : thrown;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

/** What is shown of a neighbour's silence is the reason alone. */
function sentence(why: string): string {
  return `${why.charAt(0).toUpperCase()}${why.slice(1)}.`;
}

function unusable(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', sentence(why), {
    next: 'Ask another neighbour',
  });
}

function refusal(why: string): BitmodelError {
  return new BitmodelError('CHECK_REFUSED', sentence(why), {
    next: 'Ask another neighbour',
  });
}
