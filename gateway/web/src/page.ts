// What the page shows: the data from the server, and the page's own condition around it.

import type { LogOf } from './firm';
import type { Language } from './protocol';
import type { Phase } from './rpc';
import { nothing, type State } from './state';
import type { Draft } from './storage';
import type { Upload } from './uploading';

/** What is open: a topic, or the topics of a company, or the list of companies. */
export interface Route {
  org: number | null;
  topic: number | null;
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
