// The connection to the gateway: JSON-RPC 2.0 over one WebSocket that is opened again whenever it
// is lost, with growing, scattered pauses. It knows nothing of chats: on each new connection it
// runs the greeting it was given (login or resume), and is live when that has succeeded.
//
// A call waits for the connection to be live. When the connection breaks after the call has gone
// out, the call ends with Disconnected: whether the server did it is not known, and the caller, who
// knows whether repeating is harmless, decides.

import { Code } from './protocol';

export interface ErrorData {
  sqlstate: string;
  hint: string | null;
  detail: string | null;
  /** Seconds after which it may be tried again. */
  retry_after?: number;
}

/** The server's refusal. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data: ErrorData | null,
  ) {
    super(message);
  }

  /** Seconds after which it may be tried again, where the refusal says so. */
  get wait(): number | null {
    return this.data?.retry_after ?? null;
  }
}

/** The connection ended before the answer came. */
export class Disconnected extends Error {}

export type Params = Record<string, unknown>;
export type Request = <T>(method: string, params: Params) => Promise<T>;
/**
 * What the connection is at. Without one it is trying again, and says why when it knows: away is the
 * server's database, busy the server itself. Only full it stays until again() is called.
 */
export type Phase = 'stopped' | 'connecting' | 'live' | 'waiting' | 'away' | 'busy' | 'full';

export interface Handlers {
  /**
   * Runs first on every new connection; when it throws, another connection is tried later, unless
   * stop() was called.
   */
  greet(request: Request): Promise<void>;
  notification(method: string, params: unknown): void;
  phase(phase: Phase): void;
  /** The server ended the session (close code 4001). */
  ended(): void;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

const Close = {
  goingAway: 1001,
  policy: 1008,
  tryLater: 1013,
  sessionEnded: 4001,
  tooManyConnections: 4004,
} as const;

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 20_000;
const BUSY_PAUSE = 30_000;
/** So often a server that said goodbye is looked for before anybody is told. */
const CALM_TRIES = 4;
/** A connection that has been silent for so long is asked whether it is still there. */
const SILENCE = 45_000;
/** ... and given up when the answer takes longer than this. Milliseconds, as above. */
const PATIENCE = 20_000;

export class Connection {
  private socket: WebSocket | null = null;
  private handlers: Handlers | null = null;
  private live = false;
  private failures = 0;
  private calmTries = 0;
  private phase: Phase = 'stopped';
  private nextId = 1;
  private sent = new Map<number, Waiting>();
  private held: (() => void)[] = [];
  private pause: number | undefined;
  private silence: number | undefined;
  private patience: number | undefined;

  constructor(private readonly url: string) {
    addEventListener('online', () => this.hurry());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.hurry();
    });
  }

  start(handlers: Handlers): void {
    this.stop();
    this.handlers = handlers;
    this.enter('connecting');
    this.open();
  }

  /** Tries again after there were too many connections. */
  again(): void {
    if (this.phase !== 'full') return;
    this.enter('connecting');
    this.open();
  }

  private enter(phase: Phase): void {
    this.phase = phase;
    this.handlers?.phase(phase);
  }

  /** Ends the connection for good; held and unanswered calls end with Disconnected. */
  stop(): void {
    this.enter('stopped');
    this.handlers = null;
    this.failures = 0;
    this.calmTries = 0;
    clearTimeout(this.pause);
    this.drop();
    for (const resume of this.held.splice(0)) resume();
  }

  /** Calls a method once the connection is live. */
  async call<T>(method: string, params: Params = {}): Promise<T> {
    while (!this.live) {
      if (!this.handlers) throw new Disconnected();
      await new Promise<void>((resume) => this.held.push(resume));
    }
    return this.request<T>(method, params);
  }

  private request<T>(method: string, params: Params): Promise<T> {
    const socket = this.socket;
    if (socket?.readyState !== WebSocket.OPEN) {
      if (socket) this.closing();
      return Promise.reject(new Disconnected());
    }
    const id = this.nextId++;
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    if (this.patience === undefined) this.waitForAnswer();
    return new Promise<T>((resolve, reject) =>
      this.sent.set(id, { resolve: resolve as (result: unknown) => void, reject }),
    );
  }

  private open(): void {
    const socket = new WebSocket(this.url, 'onefin.v1');
    this.socket = socket;
    this.waitForAnswer();
    socket.onopen = () => void this.greet(socket);
    socket.onmessage = (frame) => {
      // Events of a connection given up would move the cursor past what the next one resumes from.
      if (socket === this.socket) this.receive(String(frame.data));
    };
    socket.onclose = (close) => {
      if (socket !== this.socket) return;
      if (close.code === Close.sessionEnded) this.handlers?.ended();
      else this.closed(close.code);
    };
  }

  private async greet(socket: WebSocket): Promise<void> {
    try {
      await this.handlers?.greet((method, params) => this.request(method, params));
    } catch (error) {
      if (socket === this.socket && !(error instanceof Disconnected)) this.refused(error);
      if (!(error instanceof Disconnected)) console.warn(error);
      return;
    }
    if (socket !== this.socket) return;
    this.live = true;
    this.failures = 0;
    this.calmTries = 0;
    this.enter('live');
    for (const resume of this.held.splice(0)) resume();
  }

  private receive(text: string): void {
    const frame = JSON.parse(text) as {
      id?: number;
      method?: string;
      params?: unknown;
      result?: unknown;
      error?: { code: number; message: string; data?: ErrorData };
    };
    if (frame.method !== undefined) {
      this.heard();
      this.handlers?.notification(frame.method, frame.params);
      return;
    }
    const waiting = this.sent.get(frame.id ?? 0);
    if (!waiting) return;
    this.sent.delete(frame.id ?? 0);
    this.heard();
    if (frame.error) {
      const { code, message, data } = frame.error;
      waiting.reject(new RpcError(code, message, data ?? null));
    } else {
      waiting.resolve(frame.result);
    }
  }

  /**
   * Something came: the connection lives. Waits on for an answer that is still out, or else for
   * silence.
   */
  private heard(): void {
    clearTimeout(this.patience);
    clearTimeout(this.silence);
    this.patience = undefined;
    if (this.sent.size > 0) this.waitForAnswer();
    else this.silence = setTimeout(() => this.probe(), SILENCE);
  }

  private waitForAnswer(): void {
    clearTimeout(this.patience);
    this.patience = setTimeout(() => this.lose(), PATIENCE);
  }

  private probe(): void {
    if (this.live) this.request('me', {}).catch(() => undefined);
  }

  private hurry(): void {
    if (this.live) {
      this.probe();
    } else if (!this.socket && ['connecting', 'waiting', 'away'].includes(this.phase)) {
      clearTimeout(this.pause);
      this.open();
    }
  }

  /** Nothing can be sent any more, and why is told by the socket's end, which is near. */
  private closing(): void {
    this.live = false;
    this.waitForAnswer();
  }

  /** The server closed the connection, or it broke. */
  private closed(code: number): void {
    if (code === Close.goingAway && this.phase === 'live') this.calmTries = CALM_TRIES;
    if (code === Close.policy || code === Close.tryLater) this.lose('busy', BUSY_PAUSE);
    else if (code === Close.tooManyConnections) this.giveUp();
    else this.lose();
  }

  /** The greeting failed. */
  private refused(error: unknown): void {
    const code = error instanceof RpcError ? error.code : null;
    const wait = error instanceof RpcError ? (error.wait ?? 0) * 1000 : 0;
    if (code === Code.unavailable) this.lose('away');
    else if (code === Code.limit) this.lose('busy', wait || BUSY_PAUSE);
    else this.lose();
  }

  /** Gives the connection up, and tries another one later: scattered, as others do the same. */
  private lose(why: Phase = 'waiting', least = 0): void {
    this.drop();
    if (!this.handlers) return;
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.failures++);
    const time = least + longest * (0.5 + Math.random() / 2);
    this.pause = setTimeout(() => this.open(), time);
    this.enter(this.calmTries-- > 0 ? 'connecting' : why);
  }

  private giveUp(): void {
    this.drop();
    this.enter('full');
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    this.live = false;
    clearTimeout(this.silence);
    clearTimeout(this.patience);
    this.patience = undefined;
    socket?.close();
    const lost = [...this.sent.values()];
    this.sent.clear();
    for (const waiting of lost) waiting.reject(new Disconnected());
  }
}
