// Logging in and out, and taking a session up again: after a reload with the kept token, and after
// each lost connection from the cursor on, so that no event is missed or applied twice.

import { pause, type Core } from './core';
import { applyEvent } from './events';
import { forgetFiles } from './files';
import { deviceName } from './format';
import { signedOut, type LoginFailure } from './page';
import { Code, TOO_MANY_SESSIONS, type LoginReply, type ResumeReply } from './protocol';
import { RpcError, type Params, type Phase, type Request } from './rpc';
import * as state from './state';
import * as storage from './storage';

/** Milliseconds. */
const LOGOUT_PATIENCE = 2_000;
/** Characters that the name of a device may have. */
const LONGEST_DEVICE = 200;

/** What a login ends with when its connection does. */
const failures: Partial<Record<Phase, LoginFailure>> = {
  waiting: 'noConnection',
  away: 'noConnection',
  busy: 'unavailable',
  full: 'tooManyWindows',
};

export interface SessionParts {
  notified(method: string, params: unknown): void;
  /** The connection is live: after a login, a reload or a loss. */
  live(): void;
  ended(): void;
}

export class Session {
  private credentials: { login: string; password: string } | null = null;

  constructor(
    private readonly core: Core,
    private readonly parts: SessionParts,
  ) {
    core.sessionOver = () => this.end('sessionEnded');
    storage.watch('session', () => this.changedElsewhere());
  }

  /** Goes on with the session that this browser has, if it has one. */
  takeUp(): void {
    const token = storage.load<string>('session');
    if (!token) return;
    this.core.token = token;
    this.core.set({ signedIn: true });
    this.connect();
  }

  login(login: string, password: string): void {
    this.credentials = { login, password };
    this.core.set({ loggingIn: true, loginFailure: null });
    this.connect();
  }

  /** Where the server cannot be reached, the token stays unused until it expires. */
  async logout(): Promise<void> {
    const told = this.core.connection.call('logout').catch(() => undefined);
    await Promise.race([told, pause(LOGOUT_PATIENCE)]);
    this.end(null);
  }

  /** Another tab logged in or out. */
  private changedElsewhere(): void {
    const token = storage.load<string>('session');
    if (!this.core.page.signedIn && token) this.takeUp();
    if (this.core.page.signedIn && !token) this.end(null);
  }

  private end(failure: LoginFailure | null): void {
    const { core } = this;
    core.connection.stop();
    if (core.token && storage.load<string>('session') === core.token) storage.remove('session');
    core.token = null;
    this.credentials = null;
    this.parts.ended();
    forgetFiles();
    core.set({ ...signedOut, loginFailure: failure });
  }

  private connect(): void {
    this.core.connection.start({
      greet: (request) =>
        this.credentials ? this.enter(request, this.credentials) : this.resume(request),
      notification: (method, params) => this.parts.notified(method, params),
      phase: (connection) => {
        this.core.set({ connection });
        if (connection !== 'live') this.core.change(state.disconnect);
        const failure = this.credentials && failures[connection];
        if (failure) this.end(failure);
        if (connection === 'live') this.parts.live();
      },
      ended: () => this.end('sessionEnded'),
    });
  }

  private async enter(request: Request, credentials: Params): Promise<void> {
    const device = deviceName(navigator.userAgent).slice(0, LONGEST_DEVICE);
    try {
      const reply = await request<LoginReply>('login', { ...credentials, device });
      this.credentials = null;
      this.core.token = reply.token;
      storage.save('session', reply.token);
      this.core.set({ signedIn: true, loggingIn: false });
      this.welcome(reply);
      this.core.change((data) => state.advance(data, reply.seal));
    } catch (error) {
      if (error instanceof RpcError) this.end(loginFailure(error));
      throw error;
    }
  }

  private async resume(request: Request): Promise<void> {
    const { core } = this;
    const { cursor } = core.data;
    const from = { after: cursor?.seal, index: cursor?.index ?? undefined };
    try {
      const reply = await request<ResumeReply>('resume', { token: core.token, ...from });
      if (!core.data.account) this.welcome(reply);
      if (reply.reset) core.change(state.reset);
      core.change((data) => state.advance(reply.events.reduce(applyEvent, data), reply.seal));
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.notLoggedIn) this.end('sessionEnded');
      throw error;
    }
  }

  private welcome({ account, session }: LoginReply | ResumeReply): void {
    if (!storage.load('language')) this.core.set({ language: account.language });
    const outbox = storage.loadOutbox(account.id);
    const logins = storage.loadLogins(account.id);
    this.core.change((data) => ({ ...data, account, session, outbox, logins }));
  }
}

function loginFailure(error: RpcError): LoginFailure {
  if (error.code === Code.notLoggedIn) return 'wrongPassword';
  if (error.wait !== null) return { wait: error.wait };
  if (error.data?.sqlstate === TOO_MANY_SESSIONS) return 'tooManySessions';
  if (error.code === Code.limit) return 'limit';
  return error.code === Code.unavailable ? 'noConnection' : 'failed';
}
