// What one writes: drafts, kept as they are typed; messages, kept in the outbox from Enter until
// the server has them; changes to one's own messages; the state of a topic's round.

import { uuid, type Core } from './core';
import { Code, type Account, type HistoryReply, type Message } from './protocol';
import { RpcError } from './rpc';
import * as state from './state';
import type { Pending } from './state';
import * as storage from './storage';
import { noDraft, type Draft } from './storage';

/** The server passes over what comes within two seconds. Milliseconds. */
const TYPING_PAUSE = 2_100;

/** Joins what was typed at different times. */
const join = (...texts: string[]) => texts.filter((text) => text !== '').join('\n');

export class Writing {
  private pumping = false;
  private typingTold = 0;

  constructor(private readonly core: Core) {}

  draft(topic: number): Draft {
    return this.core.page.drafts[topic] ?? noDraft;
  }

  patchDraft(topic: number, part: Partial<Draft>): void {
    const { core } = this;
    const draft = { ...this.draft(topic), ...part };
    core.set({ drafts: { ...core.page.drafts, [topic]: draft } });
    if (core.data.account) storage.saveDraft(core.data.account.id, topic, draft);
  }

  /** Tells the others that I am typing; a ghost never does. */
  typing(topic: number): void {
    const { account } = this.core.data;
    if (!account || state.isGhost(account) || this.core.page.connection !== 'live') return;
    if (Date.now() - this.typingTold < TYPING_PAUSE) return;
    this.typingTold = Date.now();
    this.core.connection.call('typing', { topic }).catch(() => undefined); // not worth a word
  }

  /** Makes the draft a message: in the outbox from this moment on. */
  send(topic: number): void {
    const { account } = this.core.data;
    const draft = this.draft(topic);
    const text = draft.text.trim();
    if (!account || (text === '' && draft.documents.length === 0)) return;
    const pending: Pending = {
      client_key: uuid(),
      topic,
      text,
      visibility: draft.note ? 'staff' : 'all',
      reply_to: draft.reply_to,
      documents: draft.documents,
      at: new Date().toISOString(),
      refused: null,
    };
    storage.savePending(account.id, pending);
    this.core.change((data) => state.enqueue(data, pending));
    this.patchDraft(topic, { ...noDraft, note: draft.note });
    void this.pump();
  }

  /** Sends what is in the outbox, in order, until only refused messages are left. */
  async pump(): Promise<void> {
    if (this.pumping) return;
    this.pumping = true;
    try {
      for (;;) {
        const { account, outbox } = this.core.data;
        const next = outbox.find((pending) => pending.refused === null);
        if (!account || !next) return;
        await this.deliver(account, next);
      }
    } finally {
      this.pumping = false;
    }
  }

  private async deliver(account: Account, pending: Pending): Promise<void> {
    const { client_key, topic, text, visibility, reply_to, documents } = pending;
    const ids = documents.length > 0 ? documents.map((each) => each.id) : undefined;
    const params = { topic, text, client_key, visibility, reply_to, documents: ids };
    try {
      const { message } = await this.core.ask<{ message: Message }>('send', params);
      this.core.change((data) => state.settle(state.applyMessage(data, message), client_key));
      storage.removePending(account.id, client_key);
    } catch (error) {
      if (error instanceof RpcError && error.code !== Code.notLoggedIn) {
        this.core.change((data) => state.setRefused(data, client_key, error.code));
      }
      this.core.report(error);
    }
  }

  retry(pending: Pending): void {
    this.core.change((data) => state.setRefused(data, pending.client_key, null));
    void this.pump();
  }

  /** Gives a refused message back to the input, before what is typed there. */
  takeBack(pending: Pending): void {
    const { account } = this.core.data;
    const draft = this.draft(pending.topic);
    this.patchDraft(pending.topic, {
      text: join(pending.text, draft.text),
      documents: [...pending.documents, ...draft.documents],
    });
    this.core.change((data) => state.settle(data, pending.client_key));
    if (account) storage.removePending(account.id, pending.client_key);
  }

  reply(message: Message): void {
    this.patchDraft(message.topic, { reply_to: message.id, edit: null });
  }

  startEdit({ id, topic, version, text }: Message): void {
    this.patchDraft(topic, { edit: { message: id, version, text: text ?? '', newer: null } });
  }

  /**
   * Saves the edit; when the message was changed meanwhile, shows that text beside the typed one.
   */
  async saveEdit(topic: number): Promise<void> {
    const { edit } = this.draft(topic);
    const text = edit?.text.trim();
    if (!edit || !text) return;
    try {
      const params = { message: edit.message, version: edit.version, text };
      const { message } = await this.core.ask<{ message: Message }>('edit', params);
      this.core.change((data) => state.applyMessage(data, message));
      this.endEdit(topic, message.id);
    } catch (error) {
      if (isStale(error)) await this.editWasStale(topic, edit.message, text);
      else this.core.report(error);
    }
  }

  /** Leaves the edit, unless another one was begun meanwhile. */
  private endEdit(topic: number, message: number, part: Partial<Draft> = {}): void {
    if (this.draft(topic).edit?.message === message)
      this.patchDraft(topic, { ...part, edit: null });
  }

  private async editWasStale(topic: number, id: number, typed: string): Promise<void> {
    const newest = await this.newest(topic, id);
    const { edit, text } = this.draft(topic);
    if (!newest || edit?.message !== id) return;
    if (newest.text === typed) {
      this.endEdit(topic, id);
    } else if (newest.deleted_at || newest.redacted_at) {
      this.endEdit(topic, id, { text: join(text, typed) });
    } else {
      const newer = newest.text ?? '';
      this.patchDraft(topic, { edit: { ...edit, version: newest.version, newer } });
    }
  }

  private async newest(topic: number, id: number): Promise<Message | null> {
    const params = { topic, before: id + 1, limit: 1 };
    const { messages } = await this.core.ask<HistoryReply>('history', params);
    const message = messages.find((each) => each.id === id) ?? null;
    if (message) this.core.change((data) => state.applyMessage(data, message));
    return message;
  }

  async remove({ id, topic, version }: Message): Promise<void> {
    try {
      const reply = await this.core.ask<{ message: Message }>('delete', { message: id, version });
      this.core.change((data) => state.applyMessage(data, reply.message));
    } catch (error) {
      const newest = isStale(error) ? await this.newest(topic, id) : null;
      if (!newest?.deleted_at) this.core.report(error);
    }
  }

  /** For admins: takes the text as it is seen here out of all versions, for good. */
  async redact({ id, topic, version }: Message, reason: string): Promise<void> {
    try {
      const params = { message: id, reason, version };
      const { message } = await this.core.ask<{ message: Message }>('redact', params);
      this.core.change((data) => state.applyMessage(data, message));
    } catch (error) {
      if (isStale(error)) await this.newest(topic, id);
      this.core.report(error);
    }
  }

  /** Closes the round of a topic, has it wait for the client, or goes on with it. */
  async setRound(how: 'close' | 'await_client' | 'reopen', topic: number): Promise<void> {
    await this.core.ask(how, { topic }).catch((error) => this.core.report(error));
  }
}

function isStale(error: unknown): boolean {
  return error instanceof RpcError && error.code === Code.staleEdit;
}
