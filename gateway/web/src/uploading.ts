// One file on its way up, however often the line breaks meanwhile. Small ones go in one request;
// larger ones by the tus protocol (https://tus.io) in pieces, and a broken line costs what is left
// of one piece at most.

import { mayPass, waitAfter } from './core';
import { send, type Answer, type Request } from './http';
import { Code, type Document } from './protocol';
import { Disconnected, RpcError } from './rpc';

/** Up to so many bytes, a file goes in one request. */
const SMALL = 4 * 1024 * 1024;
const PIECE = 8 * 1024 * 1024;
/** Goes with every request of the protocol. */
const TUS = { 'Tus-Resumable': '1.0.0' };
/** A file that the server cuts off so often, while it is there for all else, will not go up. */
const MOST_CUTS = 6;

/** What the page shows of a file on its way. */
export interface Upload {
  key: string;
  file: File;
  /** Bytes. */
  sent: number;
  /** Waits for others to go first. */
  queued: boolean;
  /** Waits for the line, or for a server that is busy. */
  stuck: boolean;
  /** Error code when it failed; null while it goes on. */
  failed: number | null;
}

export interface Way {
  token: string;
  topic: number;
  file: File;
  tell(part: Partial<Upload>): void;
  /** Whether the server is there for other things now. */
  live(): boolean;
  /** Waits so many milliseconds, or until the line seems to be back. */
  rest(time: number): Promise<void>;
}

/** Where a resumable upload stands. */
interface Standing {
  upload: string;
  offset: number;
  document: Document | null;
}

export class Uploading {
  private abortRequest: (() => void) | null = null;
  private cancelled = false;
  /** Of a resumable upload, once the server has given one. */
  private address: string | null = null;
  private offset = 0;

  constructor(private readonly way: Way) {}

  /** Ends with the document's description, or an RpcError; Disconnected only when cancelled. */
  async run(): Promise<Document> {
    for (let failures = 0, reached = 0; ; failures++) {
      try {
        return await this.attempt();
      } catch (error) {
        if (this.offset > reached) failures = 0;
        reached = this.offset;
        this.judge(error, failures);
        this.way.tell({ stuck: true, sent: this.offset });
        await this.way.rest(waitAfter(error, failures));
        if (this.cancelled) throw new Disconnected();
        this.way.tell({ stuck: false });
      }
    }
  }

  /** Stops it; what the server has of it, it forgets. */
  cancel(): void {
    this.cancelled = true;
    this.abortRequest?.();
    const { address, way } = this;
    if (!address) return;
    const headers = { Authorization: `Bearer ${way.token}`, ...TUS };
    // The server sweeps up what it is not told of.
    fetch(address, { method: 'DELETE', headers, keepalive: true }).catch(() => undefined);
  }

  /** Throws what no further try will mend. */
  private judge(error: unknown, failures: number): void {
    if (this.cancelled) throw new Disconnected();
    if (!mayPass(error, failures)) throw error;
    if (error instanceof Disconnected && this.way.live() && failures >= MOST_CUTS)
      throw new RpcError(Code.unavailable, 'cut off again and again', null);
  }

  private attempt(): Promise<Document> {
    return this.way.file.size > SMALL ? this.resume() : this.whole();
  }

  private async whole(): Promise<Document> {
    const { topic, file } = this.way;
    const answer = await this.request({
      method: 'POST',
      address: `/files?topic=${topic}&name=${encodeURIComponent(file.name)}`,
      body: file,
      progress: (sent) => this.way.tell({ sent: Math.min(sent, file.size) }),
    });
    return resultOf<Document>(answer);
  }

  private async resume(): Promise<Document> {
    const done = this.address ? await this.look() : await this.create();
    if (done) return done;
    for (;;) {
      const answer = await this.piece();
      const document = answer.status === 200 ? resultOf<Document>(answer) : null;
      if (document) return document;
      this.offset = Number(answer.header('Upload-Offset'));
    }
  }

  private async create(): Promise<null> {
    const { file, topic } = this.way;
    const answer = await this.request({
      method: 'POST',
      address: '/uploads',
      headers: {
        ...TUS,
        'Upload-Length': String(file.size),
        'Upload-Metadata': `filename ${base64(file.name)},topic ${base64(String(topic))}`,
      },
    });
    // The path alone: behind a proxy, the gateway may not know by which name it was reached.
    const location = new URL(answer.header('Location') ?? '', window.location.href);
    this.address = location.pathname;
    this.offset = 0;
    return null;
  }

  /** Asks how much has arrived; one that the server has forgotten is begun anew. */
  private async look(): Promise<Document | null> {
    const address = this.address!;
    try {
      const answer = await this.request({ method: 'GET', address, headers: TUS });
      const { offset, document } = resultOf<Standing>(answer);
      this.offset = offset;
      return document;
    } catch (error) {
      if (!(error instanceof RpcError && error.code === Code.notFound)) throw error;
      return this.create();
    }
  }

  private async piece(): Promise<Answer> {
    const { file, tell } = this.way;
    const { offset } = this;
    try {
      return await this.request({
        method: 'PATCH',
        address: this.address!,
        headers: {
          ...TUS,
          'Upload-Offset': String(offset),
          'Content-Type': 'application/offset+octet-stream',
        },
        body: file.slice(offset, offset + PIECE),
        progress: (sent) => tell({ sent: Math.min(offset + sent, file.size) }),
      });
    } catch (error) {
      // Where it stands is not what we think, after a break that looked like none of its bytes came.
      const wrong = error instanceof RpcError && error.code === Code.conflict;
      throw wrong ? new Disconnected() : error;
    }
  }

  private async request(request: Omit<Request, 'token'>): Promise<Answer> {
    const { done, abort } = send({ ...request, token: this.way.token });
    this.abortRequest = abort;
    try {
      return await done;
    } finally {
      this.abortRequest = null;
    }
  }
}

function resultOf<T>(answer: Answer): T {
  return (answer.body as { result: T }).result;
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
