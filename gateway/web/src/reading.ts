// What comes in, and what is open: applies notifications to the state, loads what the open company
// and topic need, and marks the topic as read.

import type { Core } from './core';
import { parseRoute } from './page';
import { applyEvent } from './events';
import type {
  Account,
  Department,
  DepartmentsReply,
  HistoryReply,
  MembersReply,
  MeReply,
  Message,
  Presence,
  PresenceReply,
  ServerEvent,
  TopicsReply,
  Typing,
  VersionsReply,
} from './protocol';
import { Code } from './protocol';
import { RpcError } from './rpc';
import * as state from './state';
import * as storage from './storage';
import * as topics from './topics';
import type { Handling } from './handling';
import type { Watching } from './watching';

/** Somebody who goes on typing is told of every two seconds or so; one word may be lost. */
const TYPING_SHOWN = 4_500;
/** Counts are asked for again when no event has put them in doubt for so long. Milliseconds. */
const RECOUNT_PAUSE = 300;

export class Reading {
  /** The company whose people were loaded, on this connection and since the list last changed. */
  private peopled: number | null = null;
  private recounting: number | undefined;
  private readonly loading = new Set<string>();
  private readonly typingEnds = new Map<string, number>();

  constructor(
    private readonly core: Core,
    private readonly watching: Watching,
    private readonly handling: Handling,
  ) {
    addEventListener('hashchange', () => {
      const { sheet } = core.page; // a topic's drawer does not outlast it
      core.set({
        route: parseRoute(location.hash),
        sheet: sheet?.name === 'papers' ? null : sheet,
      });
      this.show();
    });
  }

  /** The connection is live, for the first time or again. */
  live(): void {
    this.peopled = null;
    this.core.set({ stalled: false });
    this.watching.live();
    if (!this.core.data.orgs || this.core.data.listStale) void this.loadTopics();
    this.recountLater();
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
      case 'presence': {
        const { account, online } = params as Presence;
        this.core.change((data) => state.setHere(data, account, online));
        break;
      }
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
    core.change((data) => applyEvent(data, event));
    if (core.data.listStale) void this.loadTopics();
    this.recountLater();
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
        core.change((data) => ({ ...data, listStale: false, unsure: [] }));
        const { account, settings } = await core.ask<MeReply>('me');
        const departments = await this.listDepartments(account);
        const list = await core.ask<TopicsReply>('topics');
        core.change((data) => ({
          ...topics.setTopics({ ...data, account, settings, departments }, list),
          listStale: data.listStale, // an event may have come during the calls
        }));
        this.watching.keepOnly(list.orgs, departments);
      } while (core.data.listStale);
      this.peopled = null;
      this.show();
      this.recountLater();
    });
  }

  private async listDepartments(account: Account): Promise<Department[]> {
    if (!state.isGhost(account)) return [];
    return (await this.core.ask<DepartmentsReply>('departments')).departments;
  }

  /** Lists the topics again that are in doubt, once things have calmed down. */
  private recountLater(): void {
    if (this.core.data.unsure.length === 0) return;
    clearTimeout(this.recounting);
    this.recounting = setTimeout(() => void this.recount(), RECOUNT_PAUSE);
  }

  private async recount(): Promise<void> {
    const { core } = this;
    await this.once('recount', async () => {
      const { unsure } = core.data;
      core.change((data) => ({ ...data, unsure: [] }));
      for (const org of unsure) {
        const reply = await core.ask<TopicsReply>('topics', { org });
        core.change((data) => topics.relist(data, reply));
      }
    });
    this.recountLater();
  }

  /** Loads what is open, watches it for a ghost, and leaves a topic that is gone. */
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
    if (state.isGhost(account)) this.watching.open(topic);
    this.showPeople(found?.org.id ?? core.page.route.org ?? account.org);
    if (!found || topic === null) return;
    if (!core.page.drafts[topic]) this.loadDraft(account.id, topic);
    if (!core.data.threads[topic]?.loaded) void this.loadNewest(topic);
  }

  private showPeople(org: number | null): void {
    const { orgs } = this.core.data;
    if (org === this.peopled || !orgs?.some((each) => each.id === org) || org === null) return;
    this.peopled = org;
    void this.loadPeople(org);
  }

  private loadDraft(account: number, topic: number): void {
    const draft = storage.loadDraft(account, topic);
    this.core.set({ drafts: { ...this.core.page.drafts, [topic]: draft } });
  }

  /** Who takes part in a company's conversations, how far they have read, and who is there. */
  private loadPeople(org: number): Promise<void> {
    return this.once(`people.${org}`, async () => {
      const reply = await this.core.ask<MembersReply>('members', { org });
      this.core.change((data) => state.setMembers(data, org, reply));
      const { accounts } = await this.core.ask<PresenceReply>('presence', { org });
      this.core.change((data) => state.setPresence(data, org, accounts));
    });
  }

  private loadNewest(topic: number): Promise<void> {
    return this.once(`history.${topic}`, async () => {
      this.core.change((data) => state.startThread(data, topic));
      const reply = await this.core.ask<HistoryReply>('history', { topic });
      this.core.change((data) => state.addHistory(data, topic, reply));
      this.handling.refresh(this.core.page.drafts[topic]?.documents ?? []);
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
    core.change((data) => topics.applyRead(data, topic, account.id, message));
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
