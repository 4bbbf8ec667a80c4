// What the page shows: the data from the server, and the page's own condition around it.

import type { LogOf } from './firm';
import type { Language } from './protocol';
import type { Phase } from './rpc';
import { nothing, type State } from './state';
import type { Draft } from './storage';
import type { Upload } from './uploading';

/** What is open: figures, a topic, or the topics of a company, or the list of companies. */
export interface Route {
  org: number | null;
  topic: number | null;
  office: Office | null;
}

export const sections = ['figures', 'waits', 'ratings', 'payroll', 'rules'] as const;
export type Section = (typeof sections)[number];

/** What is open of figures, waits, ratings and pay. */
export interface Office {
  section: Section;
  /** Its first day; null is the one that goes on. */
  month: string | null;
  /** Whose figures or pay; null is everybody's that I may see. */
  account: number | null;
}

export type LoginFailure =
  | 'wrongPassword'
  | 'sessionEnded'
  | 'noConnection'
  | 'tooManySessions'
  | 'tooManyWindows'
  | 'unavailable'
  | 'limit'
  | 'failed'
  | Wait;

/** A password may be tried again after so many seconds. */
export interface Wait {
  wait: number;
}

/** What is open above the page; suspects are sessions from new devices. */
export type Sheet =
  | { name: 'devices'; suspects: readonly number[] }
  | { name: 'password' }
  | { name: 'papers'; topic: number }
  | { name: 'log'; of: LogOf }
  | { name: 'jobs' }
  | { name: 'firm' };

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
  sheet: Sheet | null;
  /** By topic. */
  drafts: Readonly<Record<number, Draft>>;
  uploads: Readonly<Record<number, readonly Upload[]>>;
  /** Bytes that have come, by the key of a download under way; see handling.ts. */
  downloads: Readonly<Record<string, number>>;
  /** Id of the newest message of others in the open topic, which screen readers are told of. */
  announced: number | null;
  /** Error code of something that did not work; shown for a while. */
  trouble: number | null;
}

/** What belongs to a session, as it is without one. */
export const signedOut = {
  data: nothing,
  signedIn: false,
  loggingIn: false,
  stalled: false,
  sheet: null,
  drafts: {},
  uploads: {},
  downloads: {},
  announced: null,
  trouble: null,
};

/**
 * Addresses: #/t/TOPIC, #/o/COMPANY, #/f/SECTION[/MONTH[/ACCOUNT]] with the month as 2026-11 or
 * now, anything else is the list.
 */
export function parseRoute(hash: string): Route {
  const [, kind, id] = /^#\/([to])\/(\d+)$/.exec(hash) ?? [];
  return {
    org: kind === 'o' ? Number(id) : null,
    topic: kind === 't' ? Number(id) : null,
    office: parseOffice(hash),
  };
}

function parseOffice(hash: string): Office | null {
  const [, name, month, account] =
    /^#\/f\/([a-z]+)(?:\/(now|\d{4}-\d{2})(?:\/(\d+))?)?$/.exec(hash) ?? [];
  const section = sections.find((each) => each === name);
  if (!section) return null;
  return {
    section,
    month: month && month !== 'now' ? `${month}-01` : null,
    account: account ? Number(account) : null,
  };
}

export const routeTo = {
  companies: '#/',
  company: (id: number) => `#/o/${id}`,
  topic: (id: number) => `#/t/${id}`,
  office: (section: Section, month: string | null = null, account: number | null = null) =>
    `#/f/${section}/${month?.slice(0, 7) ?? 'now'}${account === null ? '' : `/${account}`}`,
};
