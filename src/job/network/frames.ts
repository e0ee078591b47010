import { BitmodelError, fromHex, toHex } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';

const ID_SIZE = 32;
const KIND = { digests: 0, ids: 1, want: 2, have: 3 } as const;

/** Most lines in one page of digests, jobs in one question for ids, ids of one job, and messages asked for at once. */
export const MOST_DIGESTS = 2048;
export const MOST_JOBS = 16;
export const MOST_IDS = 2048;
export const MOST_WANTED = 64;
/** Most ids of one job in a notice of what came. */
const MOST_TOLD = 64;
/** Bytes of messages after which an answer holds no more; one message may go beyond it. */
export const ANSWER_BYTES = 512 << 10;

/** Ids of a job's messages; hex, as everywhere in the pool. */
export interface JobIds {
  readonly jobId: string;
  readonly ids: readonly string[];
}

/** What is said in `job-pool/1`. */
export type PoolQuestion =
  /** Asks for the digests of all jobs behind one, by id. */
  | { readonly kind: 'digests'; readonly after: string | undefined }
  /** Asks for the ids of all messages of some jobs. */
  | { readonly kind: 'ids'; readonly jobIds: readonly string[] }
  /** Asks for messages. */
  | { readonly kind: 'want'; readonly ids: readonly string[] }
  /** Says which messages the asker has to give. */
  | { readonly kind: 'have'; readonly jobs: readonly JobIds[] };

/** A page of digests, sorted by job id. */
export interface DigestPage {
  readonly lines: readonly (readonly [jobId: string, digest: string])[];
  readonly isMore: boolean;
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes are no gossip of jobs: ${why}.`);
}

const readId = (reader: ByteReader): string => toHex(reader.bytes(ID_SIZE));

const writeId = (writer: ByteWriter, id: string): ByteWriter => writer.bytes(fromHex(id, ID_SIZE));

const writeIds = (writer: ByteWriter, ids: readonly string[]): ByteWriter =>
  writer.list(ids, writeId);

const readIds = (reader: ByteReader, most: number): string[] => reader.list(ID_SIZE, most, readId);

const writeJobs = (writer: ByteWriter, jobs: readonly JobIds[]): ByteWriter =>
  writer.list(jobs, (to, { jobId, ids }) => writeIds(writeId(to, jobId), ids));

const readJobs = (reader: ByteReader, most: number): JobIds[] =>
  reader.list(ID_SIZE + 1, MOST_JOBS, () => ({
    jobId: readId(reader),
    ids: readIds(reader, most),
  }));

/** Bytes of a question of `job-pool/1`. */
export function encodePoolQuestion(question: PoolQuestion): Uint8Array {
  const writer = new ByteWriter().u8(KIND[question.kind]);
  switch (question.kind) {
    case 'digests':
      return writeIds(writer, question.after === undefined ? [] : [question.after]).finish();
    case 'ids':
      return writeIds(writer, question.jobIds).finish();
    case 'want':
      return writeIds(writer, question.ids).finish();
    case 'have':
      return writeJobs(writer, question.jobs).finish();
  }
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodePoolQuestion(bytes: Uint8Array): PoolQuestion {
  return ByteReader.whole(bytes, (reader) => {
    switch (reader.u8()) {
      case KIND.digests:
        return { kind: 'digests', after: readIds(reader, 1)[0] };
      case KIND.ids:
        return { kind: 'ids', jobIds: readIds(reader, MOST_JOBS) };
      case KIND.want:
        return { kind: 'want', ids: readIds(reader, MOST_WANTED) };
      case KIND.have:
        return { kind: 'have', jobs: readJobs(reader, MOST_TOLD) };
      default:
        throw bad('there is no such question');
    }
  });
}

/** Bytes of the answer to a question for digests. */
export function encodeDigests({ lines, isMore }: DigestPage): Uint8Array {
  const writer = new ByteWriter().flag(isMore);
  return writer.list(lines, (to, [jobId, digest]) => writeId(writeId(to, jobId), digest)).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeDigests(bytes: Uint8Array): DigestPage {
  return ByteReader.whole(bytes, (reader) => {
    const isMore = reader.flag();
    const lines = reader.list(2 * ID_SIZE, MOST_DIGESTS, () => {
      return [readId(reader), readId(reader)] as const;
    });
    if (isMore && lines.length === 0) throw bad('a page with more behind it is empty');
    // a page that goes back could be asked for without end
    const isSorted = lines.every(([id], i) => i === 0 || lines[i - 1]![0] < id);
    if (!isSorted) throw bad('its lines are not sorted');
    return { lines, isMore };
  });
}

/** Ids of jobs' messages, each job's announcement first. */
export function encodeJobIds(jobs: readonly JobIds[]): Uint8Array {
  return writeJobs(new ByteWriter(), jobs).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeJobIds(bytes: Uint8Array): JobIds[] {
  return ByteReader.whole(bytes, (reader) => readJobs(reader, MOST_IDS));
}

/** Encoded messages, as many of those wanted as there are and fit. */
export function encodeMessages(messages: readonly Uint8Array[]): Uint8Array {
  return new ByteWriter().list(messages, (to, message) => to.varBytes(message)).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeMessages(bytes: Uint8Array): Uint8Array[] {
  return ByteReader.whole(bytes, (reader) => reader.list(1, MOST_WANTED, () => reader.varBytes()));
}
