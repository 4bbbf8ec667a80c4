// Where I am logged in: the list of my devices, logins from new ones, and the password that lets
// them in.

import type { Core } from './core';
import type { Sheet, Wait } from './page';
import {
  Code,
  LONGEST_PASSWORD,
  SHORTEST_PASSWORD,
  type Device,
  type LoginEvent,
  type RevokedReply,
  type SessionsReply,
} from './protocol';
import { Disconnected, RpcError } from './rpc';
import * as storage from './storage';

/** Why a password was not changed; a wait in seconds; the code of another refusal. */
export type PasswordFailure =
  | 'passwordShort'
  | 'passwordLong'
  | 'passwordsDiffer'
  | 'oldPasswordWrong'
  | 'passwordUnsure'
  | 'noConnection'
  | Wait
  | { code: number };

export class Devices {
  private kept: readonly LoginEvent[] = [];

  constructor(private readonly core: Core) {
    core.store.follow(() => this.keepLogins());
    storage.watchLogins(() => this.takeLogins());
  }

  private show(sheet: Sheet | null): void {
    this.core.set({ sheet });
  }

  open(suspects: readonly number[] = []): void {
    this.show({ name: 'devices', suspects });
  }

  openPassword(): void {
    this.show({ name: 'password' });
  }

  close(): void {
    this.show(null);
  }

  /** This one first, then as they were last used. Throws refusals. */
  async list(): Promise<Device[]> {
    const { sessions } = await this.core.ask<SessionsReply>('sessions');
    return sessions.sort(
      (a, b) =>
        Number(b.current) - Number(a.current) ||
        b.last_seen.localeCompare(a.last_seen) ||
        a.id - b.id,
    );
  }

  /** Ends a session, which may be over already. Throws refusals. */
  async end(session: number): Promise<void> {
    try {
      await this.core.ask('revoke_session', { session });
    } catch (error) {
      if (!(error instanceof RpcError && error.code === Code.notFound)) throw error;
    }
  }

  /** Ends all but this one; how many. Throws refusals. */
  async endOthers(): Promise<number> {
    return (await this.core.ask<RevokedReply>('revoke_sessions')).ended;
  }

  /** The login was mine. */
  answerFor(session: number): void {
    this.core.change((data) => ({
      ...data,
      logins: data.logins.filter((login) => login.session !== session),
    }));
  }

  /** The login was not mine: shows it and the other new ones among the devices. */
  disown(): void {
    const suspects = this.core.data.logins.map((login) => login.session);
    this.core.change((data) => ({ ...data, logins: [] }));
    this.open(suspects);
  }

  /**
   * null when it is changed. It is not asked for twice: were the first answer lost, the second
   * would say that the old password is wrong.
   */
  async changePassword(
    old: string,
    password: string,
    repeated: string,
  ): Promise<PasswordFailure | null> {
    const { core } = this;
    const failure = checkPassword(password, repeated);
    if (failure) return failure;
    if (core.page.connection !== 'live') return 'noConnection';
    try {
      await core.connection.call('change_password', { old, new: password });
      return null;
    } catch (error) {
      if (error instanceof Disconnected) return 'passwordUnsure';
      return passwordFailure(core.refusal(error));
    }
  }

  private keepLogins(): void {
    const { account, logins } = this.core.data;
    if (!account || logins === this.kept) return;
    this.kept = logins;
    storage.saveLogins(account.id, logins);
  }

  /** Another tab was told of one, or answered. */
  private takeLogins(): void {
    const { account } = this.core.data;
    if (!account) return;
    const logins = storage.loadLogins(account.id);
    this.kept = logins;
    this.core.change((data) => ({ ...data, logins }));
  }
}

/** The server's rule, told before it is asked: its refusal is then that the old one is wrong. */
export function checkPassword(password: string, repeated: string): PasswordFailure | null {
  if ([...password].length < SHORTEST_PASSWORD) return 'passwordShort';
  if (new TextEncoder().encode(password).length > LONGEST_PASSWORD) return 'passwordLong';
  return password === repeated ? null : 'passwordsDiffer';
}

/** A session that is over ends the page's, which tells of it. */
function passwordFailure(refusal: RpcError | null): PasswordFailure | null {
  if (!refusal) return null;
  if (refusal.code === Code.invalidParams) return 'oldPasswordWrong';
  if (refusal.wait !== null) return { wait: refusal.wait };
  return { code: refusal.code };
}
