// The page's doings: it holds the store, keeps the connection, applies what comes in to the state, and
// carries out what views ask for. Views read the store and call these methods; nothing else writes.

import { fetchFile, forgetFiles, saveFile, upload, type Upload } from './files';
import { Code, type Account, type Cursor, type Document, type HistoryReply, type Language } from './protocol';
import type { LoginReply, MembersReply, MeReply, Message, ResumeReply, ServerEvent } from './protocol';
import type { TopicsReply, Typing, Version, VersionsReply } from './protocol';
import { Connection, Disconnected, RpcError, type Params, type Phase, type Request } from './rpc';
import * as state from './state';
import { nothing, type Pending, type State } from './state';
import * as storage from './storage';
import { noDraft, type Draft } from './storage';
import { Store } from './store';

/** What is open: a topic, or the topics of a company, or the list of companies. */
export interface Route {
  org: number | null;
  topic: number | null;
}

export type LoginFailure = 'wrongPassword' | 'sessionEnded' | 'noConnection' | 'limit' | 'failed';

export interface Page {
  data: State;
  /** Logged in, or trying to be with a kept token. */
  signedIn: boolean;
  loggingIn: boolean;
  loginFailure: LoginFailure | null;
  connection: Phase;
  /** The server's database is away. */
  stalled: boolean;
  language: Language;
  route: Route;
  /** By topic. */
  drafts: Readonly<Record<number, Draft>>;
  uploads: Readonly<Record<number, readonly Upload[]>>;
  /** Id of the newest message of others in the open topic, which screen readers are told of. */
  announced: number | null;
  /** Error code of something that did not work; shown for a while. */
  trouble: number | null;
}

const TYPING_SHOWN = 5_000;
const TYPING_SENT = 3_000;
const TROUBLE_SHOWN = 6_000;
const RETRY_PAUSE = 2_000;
const LONGEST_PAUSE = 30_000;

/** A random UUID; crypto.randomUUID itself is missing where the page came by plain HTTP. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A refusal that may be over in a moment. */
function passes(error: unknown): boolean {
  if (!(error instanceof RpcError)) return false;
  return error.code === Code.unavailable || error.code === Code.limit || error.code === Code.internal;
}

export class App {
  readonly store: Store<Page>;
  private readonly connection = new Connection(`${location.protocol.replace('http', 'ws')}//${location.host}/ws`);
  private token: string | null = null;
  private credentials: { login: string; password: string } | null = null;
  private pumping = false;
  private watched: number | null = null;
  private readonly loading = new Set<string>();
  private readonly aborts = new Map<string, () => void>();
  private readonly typingEnds = new Map<string, number>();
  private typingSent = 0;
  private troubleEnds: number | undefined;

  constructor() {
    this.store = new Store<Page>({
      data: nothing,
      signedIn: false,
      loggingIn: false,
      loginFailure: null,
      connection: 'stopped',
      stalled: false,
      language: storage.load<Language>('language') ?? 'uz',
      route: { org: null, topic: null },
      drafts: {},
      uploads: {},
      announced: null,
      trouble: null,
    });
    addEventListener('hashchange', () => this.follow(location.hash));
    addEventListener('beforeunload', (event) => {
      if (Object.values(this.page.uploads).some((all) => all.some((each) => each.failed === null))) event.preventDefault();
    });
    storage.watch('session', () => this.sessionElsewhere());
    this.set({ route: parseRoute(location.hash) });
    this.takeUp(storage.load<string>('session'));
  }

  private get page(): Page {
    return this.store.get();
  }

  private get data(): State {
    return this.store.get().data;
  }

  private set(part: Partial<Page>): void {
    this.store.update((page) => ({ ...page, ...part }));
  }

  private change(reduce: (data: State) => State): void {
    this.store.update((page) => {
      const data = reduce(page.data);
      return data === page.data ? page : { ...page, data };
    });
  }

  setLanguage(language: Language): void {
    storage.save('language', language);
    this.set({ language });
  }

  // ---- Session ----

  login(login: string, password: string): void {
    this.credentials = { login, password };
    this.set({ loggingIn: true, loginFailure: null });
    this.connect();
  }

  async logout(): Promise<void> {
    // The server closes the connection; where it cannot be reached, the token stays unused until it expires.
    await Promise.race([this.connection.call('logout').catch(() => undefined), pause(RETRY_PAUSE)]);
    this.endSession(null);
  }

  private takeUp(token: string | null): void {
    if (!token) return;
    this.token = token;
    this.set({ signedIn: true });
    this.connect();
  }

  /** Another tab logged in or out. */
  private sessionElsewhere(): void {
    const token = storage.load<string>('session');
    if (!this.page.signedIn && token) this.takeUp(token);
    if (this.page.signedIn && !token) this.endSession(null);
  }

  private endSession(failure: LoginFailure | null): void {
    this.connection.stop();
    if (this.token && storage.load<string>('session') === this.token) storage.remove('session');
    for (const abort of this.aborts.values()) abort();
    forgetFiles();
    this.token = null;
    this.credentials = null;
    this.watched = null;
    this.set({
      data: nothing, signedIn: false, loggingIn: false, loginFailure: failure, stalled: false,
      drafts: {}, uploads: {}, announced: null, trouble: null,
    });
  }

  private connect(): void {
    this.connection.start({
      greet: (request) => (this.credentials ? this.greetByLogin(request, this.credentials) : this.greetByToken(request)),
      notification: (method, params) => this.notified(method, params),
      phase: (connection) => {
        this.set({ connection });
        if (connection === 'waiting' && this.credentials) this.endSession('noConnection');
        if (connection === 'live') this.isLive();
      },
      ended: () => this.endSession('sessionEnded'),
    });
  }

  private async greetByLogin(request: Request, credentials: Params): Promise<void> {
    try {
      const reply = await request<LoginReply>('login', { ...credentials, device: navigator.userAgent.slice(0, 200) });
      this.credentials = null;
      this.token = reply.token;
      storage.save('session', reply.token);
      this.set({ signedIn: true, loggingIn: false });
      this.welcome(reply.account);
      this.change((data) => state.advance(data, reply.seal));
    } catch (error) {
      if (error instanceof RpcError) this.endSession(loginFailure(error));
      throw error;
    }
  }

  private async greetByToken(request: Request): Promise<void> {
    const cursor: Cursor | null = this.data.cursor;
    const from = cursor ? { after: cursor.seal, ...(cursor.index === null ? {} : { index: cursor.index }) } : {};
    try {
      const reply = await request<ResumeReply>('resume', { token: this.token, ...from });
      if (!this.data.account) this.welcome(reply.account);
      if (reply.reset) this.change(state.reset);
      this.change((data) => state.advance(reply.events.reduce(state.applyEvent, data), reply.seal));
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.notLoggedIn) this.endSession('sessionEnded');
      throw error;
    }
  }

  private welcome(account: Account): void {
    if (!storage.load('language')) this.set({ language: account.language });
    this.change((data) => ({ ...data, account, outbox: storage.loadOutbox(account.id) }));
  }

  private isLive(): void {
    this.watched = null; // a watch ends with its connection
    this.set({ stalled: false });
    if (!this.data.orgs || this.data.listStale) void this.loadTopics();
    this.show();
    void this.pump();
  }

  // ---- What comes in ----

  private notified(method: string, params: unknown): void {
    switch (method) {
      case 'event':
        this.applyEvent(params as ServerEvent);
        break;
      case 'typing':
        this.showTyping(params as Typing);
        break;
      case 'position':
        this.change((data) => state.advance(data, (params as { seal: number }).seal));
        break;
      case 'stalled':
        this.set({ stalled: (params as { stalled: boolean }).stalled });
        break;
    }
  }

  private applyEvent(event: ServerEvent): void {
    this.change((data) => state.applyEvent(data, event));
    if (this.data.listStale) void this.loadTopics();
    if (event.kind !== 'message.sent') return;
    const { message } = event;
    if (message.topic === this.page.route.topic && message.author !== this.data.account?.id) {
      this.set({ announced: message.id });
    }
  }

  private showTyping({ topic, account }: Typing): void {
    if (account === this.data.account?.id) return;
    const key = `${topic}.${account}`;
    clearTimeout(this.typingEnds.get(key));
    this.change((data) => state.setTyping(data, topic, account, true));
    const end = () => this.change((data) => state.setTyping(data, topic, account, false));
    this.typingEnds.set(key, setTimeout(end, TYPING_SHOWN));
  }

  /** A call that may be repeated until it is answered. */
  private async ask<T>(method: string, params: Params = {}): Promise<T> {
    for (let refusals = 0; ; ) {
      try {
        return await this.connection.call<T>(method, params);
      } catch (error) {
        if (!this.page.signedIn || !(error instanceof Disconnected || passes(error))) throw error;
        if (passes(error)) await pause(Math.min(RETRY_PAUSE * 2 ** refusals++, LONGEST_PAUSE));
      }
    }
  }

  /** Runs a piece of loading unless it is under way, and shows what goes wrong. */
  private async once(key: string, load: () => Promise<void>): Promise<void> {
    if (this.loading.has(key)) return;
    this.loading.add(key);
    try {
      await load();
    } catch (error) {
      this.report(error);
    } finally {
      this.loading.delete(key);
    }
  }

  private report(error: unknown): void {
    if (!this.page.signedIn || error instanceof Disconnected) return;
    if (!(error instanceof RpcError)) throw error;
    if (error.code === Code.notLoggedIn) {
      this.endSession('sessionEnded');
      return;
    }
    clearTimeout(this.troubleEnds);
    this.set({ trouble: error.code });
    this.troubleEnds = setTimeout(() => this.set({ trouble: null }), TROUBLE_SHOWN);
  }

  private loadTopics(): Promise<void> {
    return this.once('topics', async () => {
      do {
        this.change((data) => ({ ...data, listStale: false }));
        const me = await this.ask<MeReply>('me');
        const topics = await this.ask<TopicsReply>('topics');
        const stale = this.data.listStale; // again, during the calls
        this.change((data) => state.setTopics({ ...data, settings: me.settings, account: me.account }, topics));
        this.change((data) => ({ ...data, listStale: stale }));
      } while (this.data.listStale);
      this.show();
    });
  }

  // ---- What is open ----

  private follow(hash: string): void {
    this.set({ route: parseRoute(hash) });
    this.show();
  }

  /** Loads what the open topic needs, watches it when I am a ghost, and leaves one that is gone. */
  private show(): void {
    const { account, orgs } = this.data;
    const { topic } = this.page.route;
    if (!account || !orgs) return;
    const found = topic === null ? null : state.findTopic(this.data, topic);
    if (topic !== null && !found) {
      location.replace('#/');
      this.report(new RpcError(Code.notFound, 'the topic is gone', null));
      return;
    }
    if (state.isGhost(account)) this.watch(topic);
    if (!found || topic === null) return;
    if (!this.page.drafts[topic]) this.setDraft(topic, storage.loadDraft(account.id, topic));
    if (!this.data.threads[topic]?.loaded) void this.loadNewest(topic);
    if (!this.data.members[found.org.id]) void this.loadMembers(found.org.id);
  }

  private watch(topic: number | null): void {
    if (this.watched === topic || this.page.connection !== 'live') return;
    if (this.watched !== null) this.connection.call('unwatch', { topic: this.watched }).catch((e) => this.report(e));
    if (topic !== null) this.connection.call('watch', { topic }).catch((e) => this.report(e));
    this.watched = topic;
  }

  private loadMembers(org: number): Promise<void> {
    return this.once(`members.${org}`, async () => {
      const reply = await this.ask<MembersReply>('members', { org });
      this.change((data) => state.setMembers(data, org, reply));
    });
  }

  private loadNewest(topic: number): Promise<void> {
    return this.once(`history.${topic}`, async () => {
      // An empty thread from now on collects what events bring while the page is on its way.
      this.change((data) => ({ ...data, threads: { ...data.threads, [topic]: state.emptyThread } }));
      const reply = await this.ask<HistoryReply>('history', { topic });
      this.change((data) => state.addHistory(data, topic, reply));
    });
  }

  /** Loads the page before the oldest loaded message; on a lost connection, scrolling asks again. */
  loadOlder(topic: number): Promise<void> {
    const before = this.data.threads[topic]?.messages[0]?.id;
    if (!before || this.page.connection !== 'live') return Promise.resolve();
    return this.once(`history.${topic}`, async () => {
      const reply = await this.connection.call<HistoryReply>('history', { topic, before });
      const unmoved = this.data.threads[topic]?.messages[0]?.id === before;
      if (unmoved) this.change((data) => state.addHistory(data, topic, reply));
    });
  }

  markRead(topic: number, message: number): void {
    const { account, marks } = this.data;
    if (!account || state.isGhost(account) || (marks[topic]?.[account.id] ?? 0) >= message) return;
    this.change((data) => state.applyRead(data, topic, account.id, message));
    this.ask('read', { topic, message }).catch((error) => this.report(error));
  }

  // ---- Writing ----

  setDraft(topic: number, draft: Draft): void {
    this.store.update((page) => ({ ...page, drafts: { ...page.drafts, [topic]: draft } }));
    if (this.data.account) storage.saveDraft(this.data.account.id, topic, draft);
  }

  private patchDraft(topic: number, part: Partial<Draft>): void {
    this.setDraft(topic, { ...(this.page.drafts[topic] ?? noDraft), ...part });
  }

  typing(topic: number): void {
    const { account } = this.data;
    const now = Date.now();
    if (!account || state.isGhost(account) || this.page.connection !== 'live' || now - this.typingSent < TYPING_SENT) return;
    this.typingSent = now;
    this.connection.call('typing', { topic }).catch(() => undefined); // a lost hint is not worth a word
  }

  /** Makes the draft a message: kept in the outbox from this moment on, until the server has it. */
  send(topic: number): void {
    const { account } = this.data;
    const draft = this.page.drafts[topic] ?? noDraft;
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
    this.change((data) => state.enqueue(data, pending));
    this.setDraft(topic, { ...noDraft, note: draft.note });
    void this.pump();
  }

  /** Sends what is in the outbox, one after the other, until it is empty or only refused ones are left. */
  private async pump(): Promise<void> {
    if (this.pumping) return;
    this.pumping = true;
    try {
      for (;;) {
        const account = this.data.account;
        const next = this.data.outbox.find((pending) => pending.refused === null);
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
      const { message } = await this.ask<{ message: Message }>('send', params);
      this.change((data) => state.settle(state.applyMessage(data, message), client_key));
      storage.removePending(account.id, client_key);
    } catch (error) {
      if (error instanceof RpcError && error.code !== Code.notLoggedIn) {
        this.change((data) => state.setRefused(data, client_key, error.code));
      }
      this.report(error);
    }
  }

  retry(pending: Pending): void {
    this.change((data) => state.setRefused(data, pending.client_key, null));
    void this.pump();
  }

  /** Gives a refused message's text back to the input, before what is typed there. */
  takeBack(pending: Pending): void {
    const draft = this.page.drafts[pending.topic] ?? noDraft;
    const text = [pending.text, draft.text].filter((part) => part !== '').join('\n');
    this.patchDraft(pending.topic, { text, documents: [...pending.documents, ...draft.documents] });
    this.change((data) => state.settle(data, pending.client_key));
    if (this.data.account) storage.removePending(this.data.account.id, pending.client_key);
  }

  reply(message: Message): void {
    this.patchDraft(message.topic, { reply_to: message.id, edit: null });
  }

  startEdit(message: Message): void {
    const edit = { message: message.id, version: message.version, text: message.text ?? '', newer: null };
    this.patchDraft(message.topic, { edit });
  }

  /** Saves the edit; when the message was changed meanwhile, shows its text now beside the typed one. */
  async saveEdit(topic: number): Promise<void> {
    const edit = this.page.drafts[topic]?.edit;
    const text = edit?.text.trim();
    if (!edit || !text) return;
    try {
      const { message, version } = edit;
      const reply = await this.ask<{ message: Message }>('edit', { message, version, text });
      this.change((data) => state.applyMessage(data, reply.message));
      this.patchDraft(topic, { edit: null });
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.staleEdit) await this.editWasStale(topic, edit.message, text);
      else this.report(error);
    }
  }

  private async editWasStale(topic: number, id: number, typed: string): Promise<void> {
    const newest = await this.newest(topic, id);
    const edit = this.page.drafts[topic]?.edit;
    if (!newest || !edit || edit.message !== id) return;
    if (newest.text === typed) {
      this.patchDraft(topic, { edit: null }); // my own edit, whose answer was lost with the connection
    } else if (newest.deleted_at) {
      const { text } = this.page.drafts[topic] ?? noDraft;
      this.patchDraft(topic, { edit: null, text: text === '' ? typed : `${text}\n${typed}` });
    } else {
      this.patchDraft(topic, { edit: { ...edit, version: newest.version, newer: newest.text ?? '' } });
    }
  }

  private async newest(topic: number, id: number): Promise<Message | null> {
    const reply = await this.ask<HistoryReply>('history', { topic, before: id + 1, limit: 1 });
    const message = reply.messages.find((each) => each.id === id);
    if (message) this.change((data) => state.applyMessage(data, message));
    return message ?? null;
  }

  async remove(message: Message): Promise<void> {
    try {
      const params = { message: message.id, version: message.version };
      const reply = await this.ask<{ message: Message }>('delete', params);
      this.change((data) => state.applyMessage(data, reply.message));
    } catch (error) {
      const stale = error instanceof RpcError && error.code === Code.staleEdit;
      const newest = stale ? await this.newest(message.topic, message.id) : null;
      if (!newest?.deleted_at) this.report(error);
    }
  }

  async versions(message: Message): Promise<Version[]> {
    try {
      return (await this.ask<VersionsReply>('versions', { message: message.id })).versions;
    } catch (error) {
      this.report(error);
      return [];
    }
  }

  async closeTopic(topic: number): Promise<void> {
    await this.ask('close', { topic }).catch((error) => this.report(error));
  }

  // ---- Files ----

  attach(topic: number, files: Iterable<File>): void {
    for (const file of files) this.upload(topic, { key: uuid(), file, progress: 0, failed: null });
  }

  retryUpload(topic: number, failed: Upload): void {
    this.upload(topic, { ...failed, progress: 0, failed: null });
  }

  cancelUpload(topic: number, key: string): void {
    this.aborts.get(key)?.();
    this.setUploads(topic, (all) => all.filter((each) => each.key !== key));
  }

  private upload(topic: number, file: Upload): void {
    if (!this.token) return;
    const patch = (part: Partial<Upload>) =>
      this.setUploads(topic, (all) => all.map((each) => (each.key === file.key ? { ...each, ...part } : each)));
    this.setUploads(topic, (all) => [...all.filter((each) => each.key !== file.key), file]);
    const { done, abort } = upload(this.token, topic, file.file, (progress) => patch({ progress }));
    this.aborts.set(file.key, abort);
    done
      .then((document) => {
        this.setUploads(topic, (all) => all.filter((each) => each.key !== file.key));
        const documents = this.page.drafts[topic]?.documents ?? [];
        this.patchDraft(topic, { documents: [...documents, document] });
      })
      .catch((error: RpcError) => patch({ failed: error.code }))
      .finally(() => this.aborts.delete(file.key));
  }

  private setUploads(topic: number, change: (all: readonly Upload[]) => readonly Upload[]): void {
    this.store.update((page) => ({ ...page, uploads: { ...page.uploads, [topic]: change(page.uploads[topic] ?? []) } }));
  }

  detach(topic: number, document: number): void {
    const documents = this.page.drafts[topic]?.documents ?? [];
    this.patchDraft(topic, { documents: documents.filter((each) => each.id !== document) });
  }

  async download(document: Document): Promise<void> {
    if (this.token) await saveFile(this.token, document).catch((error) => this.report(fileError(error)));
  }

  /** An address to show a picture from; the fetch is journaled as every download is. */
  picture(document: Document): Promise<string> {
    return this.token ? fetchFile(this.token, document.id) : Promise.reject(new Disconnected());
  }
}

function loginFailure(error: RpcError): LoginFailure {
  if (error.code === Code.notLoggedIn) return 'wrongPassword';
  if (error.code === Code.limit) return 'limit';
  return error.code === Code.unavailable ? 'noConnection' : 'failed';
}

function fileError(error: unknown): RpcError {
  return error instanceof RpcError ? error : new RpcError(Code.unavailable, String(error), null);
}

/** Addresses: #/t/TOPIC, #/o/COMPANY, anything else is the list. */
export function parseRoute(hash: string): Route {
  const [, kind, id] = /^#\/([to])\/(\d+)$/.exec(hash) ?? [];
  return { org: kind === 'o' ? Number(id) : null, topic: kind === 't' ? Number(id) : null };
}

export const routeTo = {
  companies: '#/',
  company: (id: number) => `#/o/${id}`,
  topic: (id: number) => `#/t/${id}`,
};
