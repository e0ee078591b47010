import { type FileHandle, open } from 'node:fs/promises';

/** Where rearranged bytes go: a buffer that is filled from the front and then handed on. */
export interface ByteSink {
  readonly buffer: Buffer;
  /** Bytes of the buffer in use. */
  used: number;
  /** Makes room; the buffer may be another one afterwards. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Bytes written at a time. */
const ROOM = 1 << 20;

/** A new file, written while the next buffer is being filled. */
export class FileSink implements ByteSink {
  buffer = Buffer.allocUnsafeSlow(ROOM);
  used = 0;
  #spare = Buffer.allocUnsafeSlow(ROOM);
  readonly #file: FileHandle;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<FileSink> {
    return new FileSink(await open(path, 'wx'));
  }

  async flush(): Promise<void> {
    await this.#writing;
    const full = this.buffer.subarray(0, this.used);
    this.#writing = writeFully(this.#file, full);
    // a failure is told by the next flush or by close
    this.#writing.catch(() => undefined);
    [this.buffer, this.#spare] = [this.#spare, this.buffer];
    this.used = 0;
  }

  async close(): Promise<void> {
    try {
      await this.flush();
      await this.#writing;
    } finally {
      await this.#file.close();
    }
  }
}

async function writeFully(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}

/** A file's bytes in memory and nowhere else. */
export class MemorySink implements ByteSink {
  readonly buffer: Buffer;
  used = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafeSlow(size);
  }

  async flush(): Promise<void> {}
  async close(): Promise<void> {}
}
