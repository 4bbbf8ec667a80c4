// What a supervisor or admin watches unseen: the open topic, and whole companies and departments as
// they choose. Watching changes nothing in what they see; it puts on record that they look. The
// server ends it with the connection, so it is begun again on the next one.

import type { Core } from './core';
import { Code } from './protocol';
import { RpcError } from './rpc';
import * as state from './state';
import type { Target } from './state';

export class Watching {
  private topic: number | null = null;
  private wanted: readonly Target[] = [];
  /** One word to the server after the other, so that the last one wished holds. */
  private told: Promise<void> = Promise.resolve();

  constructor(private readonly core: Core) {}

  /** The connection is live, for the first time or again. */
  live(): void {
    this.topic = null;
    for (const target of this.wanted) this.tell(target, true);
  }

  /** The session is over. */
  ended(): void {
    this.wanted = [];
  }

  /** Watches the topic that is open, and no other. */
  open(topic: number | null): void {
    const { core } = this;
    if (this.topic === topic || core.page.connection !== 'live') return;
    const tell = (method: string, watched: number) =>
      core.connection.call(method, { topic: watched }).catch((error) => core.report(error));
    if (this.topic !== null) void tell('unwatch', this.topic);
    if (topic !== null) void tell('watch', topic);
    this.topic = topic;
  }

  set(target: Target, on: boolean): void {
    this.want(target, on);
    this.tell(target, on);
  }

  /** Ends the watching of what I do not see any more. */
  keepOnly(orgs: readonly { id: number }[], departments: readonly { id: number }[]): void {
    const lists = { org: orgs, department: departments };
    for (const target of this.wanted)
      if (!lists[target.kind].some((each) => each.id === target.id)) this.set(target, false);
  }

  private want({ kind, id }: Target, on: boolean): void {
    const others = this.wanted.filter((each) => each.kind !== kind || each.id !== id);
    this.wanted = on ? [...others, { kind, id }] : others;
  }

  private tell(target: Target, on: boolean): void {
    this.told = this.told.then(async () => {
      try {
        await this.core.ask(on ? 'watch' : 'unwatch', { [target.kind]: target.id });
        this.core.change((data) => state.setWatched(data, target, on));
      } catch (error) {
        this.want(target, false);
        const gone = error instanceof RpcError && error.code === Code.notFound;
        if (!gone) this.core.report(error);
      }
    });
  }
}
