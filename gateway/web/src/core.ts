// What the parts of the app share: the store, the connection and the token; calls that are repeated
// until they are answered; and the one place where a refusal becomes something the user sees.

import { parseRoute, signedOut, type Page } from './page';
import { Code, type Language } from './protocol';
import { Connection, Disconnected, RpcError, type Params } from './rpc';
import type { State } from './state';
import * as storage from './storage';
import { Store } from './store';

/** Milliseconds, as all times here. */
const RETRY_PAUSE = 2_000;
const LONGEST_PAUSE = 30_000;
const TROUBLE_SHOWN = 6_000;
/** An internal error that comes back as often as this is not going to pass. */
const INTERNAL_LIMIT = 4;

export const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

/** A random UUID; crypto.randomUUID itself is missing where the page came by plain HTTP. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export class Core {
  readonly connection = new Connection(
    `${location.protocol.replace('http', 'ws')}//${location.host}/ws`,
  );
  readonly store = new Store<Page>({
    ...signedOut,
    loginFailure: null,
    connection: 'stopped',
    language: storage.load<Language>('language') ?? 'uz',
    route: parseRoute(location.hash),
  });
  token: string | null = null;
  /** Called when the server says that there is no session any more. */
  sessionOver: () => void = () => undefined;
  private troubleEnds: number | undefined;

  get page(): Page {
    return this.store.get();
  }

  get data(): State {
    return this.store.get().data;
  }

  set(part: Partial<Page>): void {
    this.store.update((page) => ({ ...page, ...part }));
  }

  change(reduce: (data: State) => State): void {
    this.store.update((page) => {
      const data = reduce(page.data);
      return data === page.data ? page : { ...page, data };
    });
  }

  /** A call that may be repeated: over lost connections, and refusals that may pass. */
  async ask<T>(method: string, params: Params = {}): Promise<T> {
    for (let refusals = 0; ; refusals++) {
      try {
        return await this.connection.call<T>(method, params);
      } catch (error) {
        if (!this.page.signedIn || !mayPass(error, refusals)) throw error;
        if (error instanceof Disconnected) refusals = -1;
        else await pause(waitAfter(error, refusals));
      }
    }
  }

  /**
   * The refusal that is to be told; null for what is shown elsewhere: a lost connection, and a
   * session that is over. Throws what is no refusal.
   */
  refusal(error: unknown): RpcError | null {
    if (!this.page.signedIn || error instanceof Disconnected) return null;
    if (!(error instanceof RpcError)) throw error;
    if (error.code !== Code.notLoggedIn) return error;
    this.sessionOver();
    return null;
  }

  /** Shows what did not work, for a while. */
  report(error: unknown): void {
    const refusal = this.refusal(error);
    if (!refusal) return;
    clearTimeout(this.troubleEnds);
    this.set({ trouble: refusal.code });
    this.troubleEnds = setTimeout(() => this.set({ trouble: null }), TROUBLE_SHOWN);
  }
}

/** As long as the server says, else longer each time. */
export function waitAfter(error: unknown, refusals: number): number {
  const said = error instanceof RpcError ? error.wait : null;
  return said === null ? Math.min(RETRY_PAUSE * 2 ** refusals, LONGEST_PAUSE) : said * 1000;
}

export function mayPass(error: unknown, refusals: number): boolean {
  if (error instanceof Disconnected) return true;
  if (!(error instanceof RpcError)) return false;
  if (error.code === Code.internal) return refusals < INTERNAL_LIMIT;
  return error.code === Code.unavailable || error.code === Code.limit;
}
