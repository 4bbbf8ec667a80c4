// What comes in, and what is open: applies notifications to the state, loads what the open topic
// needs, marks it as read, and tells the server what a supervisor or admin watches.

import type { Core } from './core';
import { parseRoute } from './page';
import type {
  HistoryReply,
  MembersReply,
  MeReply,
  Message,
  ServerEvent,
  TopicsReply,
  Typing,
  VersionsReply,
} from './protocol';
import { Code } from './protocol';
import { RpcError } from './rpc';
import * as state from './state';
import * as storage from './storage';

/** Milliseconds. */
const TYPING_SHOWN = 5_000;

export class Reading {
  private watched: number | null = null;
  private readonly loading = new Set<string>();
  private readonly typingEnds = new Map<string, number>();

  constructor(private readonly core: Core) {
    addEventListener('hashchange', () => {
      core.set({ route: parseRoute(location.hash) });
      this.show();
    });
  }

  /** The connection is live, for the first time or again. */
  live(): void {
    this.watched = null; // a watch ends with its connection
    this.core.set({ stalled: false });
    if (!this.core.data.orgs || this.core.data.listStale) void this.loadTopics();
    this.show();
  }

  notified(method: string, params: unknown): void {
    switch (method) {
      case 'event':
        this.applyEvent(params as ServerEvent);
        break;
      case 'typing':
        this.showTyping(params as Typing);
        break;
      case 'position':
        this.core.change((data) => state.advance(data, (params as { seal: number }).seal));
        break;
      case 'stalled':
        this.core.set({ stalled: (params as { stalled: boolean }).stalled });
        break;
    }
  }

  private applyEvent(event: ServerEvent): void {
    const { core } = this;
    core.change((data) => state.applyEvent(data, event));
    if (core.data.listStale) void this.loadTopics();
    if (event.kind !== 'message.sent' || event.topic !== core.page.route.topic) return;
    if (event.message.author !== core.data.account?.id) core.set({ announced: event.message.id });
  }

  private showTyping({ topic, account }: Typing): void {
    if (account === this.core.data.account?.id) return;
    const key = `${topic}.${account}`;
    clearTimeout(this.typingEnds.get(key));
    this.core.change((data) => state.setTyping(data, topic, account, true));
    const end = () => this.core.change((data) => state.setTyping(data, topic, account, false));
    this.typingEnds.set(key, setTimeout(end, TYPING_SHOWN));
  }

  /** Runs a piece of loading unless it is under way, and shows what goes wrong. */
  private async once(key: string, load: () => Promise<void>): Promise<void> {
    if (this.loading.has(key)) return;
    this.loading.add(key);
    try {
      await load();
    } catch (error) {
      this.core.report(error);
    } finally {
      this.loading.delete(key);
    }
  }

  private loadTopics(): Promise<void> {
    const { core } = this;
    return this.once('topics', async () => {
      do {
        core.change((data) => ({ ...data, listStale: false }));
        const { account, settings } = await core.ask<MeReply>('me');
        const topics = await core.ask<TopicsReply>('topics');
        core.change((data) => ({
          ...state.setTopics({ ...data, account, settings }, topics),
          listStale: data.listStale, // an event may have come during the calls
        }));
      } while (core.data.listStale);
      this.show();
    });
  }

  /** Loads what the open topic needs, watches it for a ghost, and leaves one that is gone. */
  private show(): void {
    const { core } = this;
    const { account, orgs } = core.data;
    const { topic } = core.page.route;
    if (!account || !orgs) return;
    const found = topic === null ? null : state.findTopic(core.data, topic);
    if (topic !== null && !found) {
      location.replace('#/');
      core.report(new RpcError(Code.notFound, 'the topic is gone', null));
      return;
    }
    if (state.isGhost(account)) this.watch(topic);
    if (!found || topic === null) return;
    if (!core.page.drafts[topic]) this.loadDraft(account.id, topic);
    if (!core.data.threads[topic]?.loaded) void this.loadNewest(topic);
    if (!core.data.members[found.org.id]) void this.loadMembers(found.org.id);
  }

  private watch(topic: number | null): void {
    const { core } = this;
    if (this.watched === topic || core.page.connection !== 'live') return;
    const tell = (method: string, watched: number) =>
      core.connection.call(method, { topic: watched }).catch((error) => core.report(error));
    if (this.watched !== null) void tell('unwatch', this.watched);
    if (topic !== null) void tell('watch', topic);
    this.watched = topic;
  }

  private loadDraft(account: number, topic: number): void {
    const draft = storage.loadDraft(account, topic);
    this.core.set({ drafts: { ...this.core.page.drafts, [topic]: draft } });
  }

  private loadMembers(org: number): Promise<void> {
    return this.once(`members.${org}`, async () => {
      const reply = await this.core.ask<MembersReply>('members', { org });
      this.core.change((data) => state.setMembers(data, org, reply));
    });
  }

  private loadNewest(topic: number): Promise<void> {
    return this.once(`history.${topic}`, async () => {
      this.core.change((data) => state.startThread(data, topic));
      const reply = await this.core.ask<HistoryReply>('history', { topic });
      this.core.change((data) => state.addHistory(data, topic, reply));
    });
  }

  /**
   * Loads the page before the oldest loaded message; over a lost connection, scrolling asks again.
   */
  loadOlder(topic: number): Promise<void> {
    const { core } = this;
    const oldest = () => core.data.threads[topic]?.messages[0]?.id;
    const before = oldest();
    if (!before || core.page.connection !== 'live') return Promise.resolve();
    return this.once(`history.${topic}`, async () => {
      const reply = await core.connection.call<HistoryReply>('history', { topic, before });
      if (oldest() === before) core.change((data) => state.addHistory(data, topic, reply));
    });
  }

  markRead(topic: number, message: number): void {
    const { core } = this;
    const { account, marks } = core.data;
    if (!account || state.isGhost(account)) return;
    if ((marks[topic]?.[account.id] ?? 0) >= message) return;
    core.change((data) => state.applyRead(data, topic, account.id, message));
    core.ask('read', { topic, message }).catch((error) => core.report(error));
  }

  /** Every version of a message, and its documents; none when the server refuses. */
  async versions(message: Message): Promise<VersionsReply> {
    try {
      return await this.core.ask<VersionsReply>('versions', { message: message.id });
    } catch (error) {
      this.core.report(error);
      return { versions: [], documents: [] };
    }
  }
}
