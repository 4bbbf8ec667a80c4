// How long clients wait, as it is shown while the time goes on. Pure, as state.ts is.
//
// Only the server knows the firm's calendar. What was left when it answered is counted down here
// where nothing but working time lies before the due moment (then both are equally far away), and
// where that has passed; else it stays until the server is asked again.

import type { Wait, WaitsReply } from './protocol';

/** Seconds by which two clocks may differ and still be one. */
const SAME = 2;

/** What a server answered, and when it came, in milliseconds of the browser's clock. */
export interface Waits {
  reply: WaitsReply;
  came: number;
}

export type Urgency = 'calm' | 'warned' | 'over' | 'paused';

/** Whether a wait's clock goes as the one on the wall. */
function goes(wait: Wait, now: string): boolean {
  if (wait.paused_at || !wait.due_at || wait.left === null) return false;
  const until = (Date.parse(wait.due_at) - Date.parse(now)) / 1000;
  return Math.abs(until - wait.left) < SAME;
}

const passed = (wait: Wait, { reply, came }: Waits, at: number) =>
  goes(wait, reply.now) ? Math.max(0, at - came) / 1000 : 0;

/** Seconds that are left at a time of the browser's clock; null without a target. */
export function leftOf(wait: Wait, waits: Waits, at: number): number | null {
  return wait.left === null ? null : wait.left - passed(wait, waits, at);
}

export function waitedOf(wait: Wait, waits: Waits, at: number): number {
  return wait.waited + passed(wait, waits, at);
}

export function urgencyOf(wait: Wait, left: number | null): Urgency {
  if (wait.paused_at) return 'paused';
  if (wait.breached_at || (left !== null && left <= 0)) return 'over';
  return wait.warned_at ? 'warned' : 'calm';
}

/** The wait to show of a topic: for a word if there is one, else for the end of the round. */
export function waitOf(waits: Waits | undefined, topic: number): Wait | null {
  const all = waits?.reply.waits.filter((wait) => wait.topic === topic) ?? [];
  return all.find((wait) => wait.kind !== 'resolution') ?? all[0] ?? null;
}
