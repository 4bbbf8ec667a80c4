// Waits, figures and ratings: asked for when they are shown, and again when an event may have
// changed them. Methods throw refusals; those of what is always in sight are told by the page.

import type { Core } from './core';
import type { KpiReply, Rating, RatingsReply, Wait, WaitsReply } from './protocol';
import type { Waits } from './waits';

/** So many are shown at first, and with each wish for more. */
export const PAGE = 50;
/** The server lists no more at once. */
const MOST = 200;

export class Figures {
  constructor(private readonly core: Core) {}

  /** Of a month, by its first day, or of this one; days are mine, or of the account. */
  kpi(month: string | null, account: number | null): Promise<KpiReply> {
    return this.core.ask<KpiReply>('kpi', {
      month: month ?? undefined,
      account: account ?? undefined,
    });
  }

  /** Open ones, the most urgent first. */
  async waits(org?: number): Promise<Waits> {
    const reply = await this.core.ask<WaitsReply>('waits', { org, limit: MOST });
    return { reply, came: Date.now() };
  }

  /** Those of a company, for its topics in sight. */
  async loadWaits(org: number): Promise<void> {
    try {
      const waits = await this.waits(org);
      this.core.change((data) => ({ ...data, waits: { ...data.waits, [org]: waits } }));
    } catch (error) {
      this.core.report(error);
    }
  }

  /** It needs no answer. */
  async dismiss({ id }: Wait, reason: string): Promise<void> {
    try {
      await this.core.ask('dismiss_wait', { wait: id, reason: reason || undefined });
    } catch (error) {
      this.core.report(error);
    }
  }

  /** Rounds that a person closed, newest first, those before a ticket. */
  async ratings(before?: number): Promise<Rating[]> {
    return (await this.core.ask<RatingsReply>('ratings', { before, limit: PAGE })).ratings;
  }

  async rate(ticket: number, score: number, comment: string): Promise<Rating> {
    const params = { ticket, score, comment: comment || undefined };
    return (await this.core.ask<{ rating: Rating }>('rate', params)).rating;
  }
}
