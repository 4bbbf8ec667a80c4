// What survives a reload: the session, and per account the drafts and the messages not yet sent,
// each under a key of its own, so that several tabs never overwrite each other's; and the logins
// that nobody has answered for, which outlive the session too: whoever they are may end it. Where
// the browser refuses storage (full, or forbidden), the page works on without.

import type { Pending } from './state';
import type { Document, LoginEvent } from './protocol';

/** What is typed in a topic and not sent. */
export interface Draft {
  text: string;
  /** For staff only. */
  note: boolean;
  reply_to: number | null;
  documents: Document[];
  edit: Edit | null;
}

/** A message of mine that I am changing, from which version, and to what. */
export interface Edit {
  message: number;
  version: number;
  text: string;
  /**
   * The text that the message has been given meanwhile, once the server has refused a stale edit.
   */
  newer: string | null;
}

export const noDraft: Draft = { text: '', note: false, reply_to: null, documents: [], edit: null };

const PREFIX = 'onefin.';

export function load<T>(key: string): T | null {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

export function save(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch (error) {
    console.warn('not kept:', key, error);
  }
}

export function remove(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // Nothing was kept, then.
  }
}

/** Calls back when another tab changes the key. */
export function watch(key: string, changed: () => void): void {
  addEventListener('storage', (event) => {
    if (event.key === PREFIX + key) changed();
  });
}

export function loadDraft(account: number, topic: number): Draft {
  const draft = { ...noDraft, ...load<Draft>(`draft.${account}.${topic}`) };
  return { ...draft, documents: draft.documents.map(whole) };
}

/** A document as an earlier release of the page has kept it lacks what was not known then. */
function whole(kept: Document): Document {
  const then = {
    revision: -1,
    state: 'ready',
    reason: null,
    stamped: false,
    signed: false,
    preview: false,
    original: null,
    marks: [],
  };
  return Object.assign(then, kept);
}

export function saveDraft(account: number, topic: number, draft: Draft): void {
  const empty =
    draft.text === '' && draft.reply_to === null && draft.documents.length === 0 && !draft.edit;
  if (empty && !draft.note) remove(`draft.${account}.${topic}`);
  else save(`draft.${account}.${topic}`, draft);
}

export function savePending(account: number, pending: Pending): void {
  save(`outbox.${account}.${pending.client_key}`, pending);
}

export function removePending(account: number, client_key: string): void {
  remove(`outbox.${account}.${client_key}`);
}

/** Messages not yet sent, in the order of typing. */
export function loadOutbox(account: number): Pending[] {
  const prefix = `${PREFIX}outbox.${account}.`;
  let keys: string[] = [];
  try {
    keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  } catch {
    // No storage: nothing was kept.
  }
  return keys
    .map((key) => load<Pending>(key.slice(PREFIX.length)))
    .filter((pending): pending is Pending => pending !== null)
    .map((pending) => ({ ...pending, documents: pending.documents.map(whole) }))
    .sort((a, b) => a.at.localeCompare(b.at));
}

const LOGINS = 'logins';

/** Logins from new devices that the account has not answered for. */
export function loadLogins(account: number): LoginEvent[] {
  return (load<LoginEvent[]>(LOGINS) ?? []).filter((login) => login.account === account);
}

export function saveLogins(account: number, logins: readonly LoginEvent[]): void {
  const others = (load<LoginEvent[]>(LOGINS) ?? []).filter((login) => login.account !== account);
  save(LOGINS, [...others, ...logins]);
}

export function watchLogins(changed: () => void): void {
  watch(LOGINS, changed);
}

/** Rounds whose rating was put off, by ticket: when I had been reminded then, or nothing. */
export type Asked = Readonly<Record<number, string>>;

export function loadAsked(account: number): Asked {
  return load<Asked>(`asked.${account}`) ?? {};
}

export function saveAsked(account: number, asked: Asked): void {
  save(`asked.${account}`, asked);
}
