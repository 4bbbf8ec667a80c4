// What the page knows, and how replies change it; topics.ts has the list of topics, events.ts what
// events do. Everything in the three is pure: a function takes a state and returns the next one,
// leaving untouched parts the same objects, so that views can compare.
//
// Three rules make it safe to apply anything twice or late:
//   a message replaces what is known of it only when its version is not older, and a redacted one
//   stays redacted: a redaction makes no version;
//   an event at or before the cursor is passed over;
//   what the list of topics already contains is not counted in it again.

import type {
  Account,
  Cursor,
  Department,
  Document,
  HistoryReply,
  LoginEvent,
  Member,
  MembersReply,
  Message,
  Org,
  Settings,
  Topic,
  Visibility,
} from './protocol';
import type { Waits } from './waits';

/** The part of a topic's messages that is loaded: the newest ones, without gaps, by id. */
export interface Thread {
  messages: readonly Message[];
  /** Older messages exist. */
  more: boolean;
  loaded: boolean;
}

/** A message of mine that the server has not confirmed. */
export interface Pending {
  client_key: string;
  topic: number;
  text: string;
  visibility: Visibility;
  reply_to: number | null;
  documents: Document[];
  at: string;
  /** Code of a refusal that trying again will not mend; null while it is being sent. */
  refused: number | null;
}

/** Who has read how far: message id by account. */
export type Marks = Readonly<Record<number, number>>;

/** How a topic was listed: at which seal, and its newest message then. */
export interface Listed {
  seal: number;
  last: number;
}

/** What a supervisor or admin watches as a whole. */
export interface Target {
  kind: 'org' | 'department';
  id: number;
}

export interface State {
  account: Account | null;
  /** Mine, of this browser. */
  session: number | null;
  settings: Settings;
  cursor: Cursor | null;
  /** null until the list has come. */
  orgs: readonly Org[] | null;
  /** By topic. */
  listed: Readonly<Record<number, Listed>>;
  /** By topic: the seal of the last event that changed how it is to be listed. */
  touched: Readonly<Record<number, number>>;
  /** Companies whose topics are to be listed again: their counts may be wrong. */
  unsure: readonly number[];
  /** An event said that the list itself is out of date. */
  listStale: boolean;
  /** For supervisors and admins: those that they may watch. */
  departments: readonly Department[];
  /** What this connection watches. */
  watched: readonly Target[];
  threads: Readonly<Record<number, Thread>>;
  members: Readonly<Record<number, readonly Member[]>>;
  /** By topic. */
  marks: Readonly<Record<number, Marks>>;
  /** New messages that were changed before their event was read: the event of the change is next. */
  named: readonly number[];
  /** By id: the newest that an event or a call has told of it; see documents.ts. */
  documents: Readonly<Record<number, Document>>;
  /** By topic: accounts that type now. */
  typing: Readonly<Record<number, readonly number[]>>;
  /** Accounts that are there now, of those I am told of. */
  here: readonly number[];
  /** Logins of mine from new devices that I have not answered for, in their order. */
  logins: readonly LoginEvent[];
  /** The seal of the last event that told of a session of mine. */
  sessionsSeal: number;
  /** For admins: the seal of the last event that told of a job, or of the firm's logo. */
  jobsSeal: number;
  /** For staff, by company: the seal of the last event that may have changed waits or figures. */
  moved: Readonly<Record<number, number>>;
  /** For staff, by company: the open waits. */
  waits: Readonly<Record<number, Waits>>;
  /** The seal of the last event that told of a closed round or a rating. */
  ratingsSeal: number;
  outbox: readonly Pending[];
}

export const nothing: State = {
  account: null,
  session: null,
  settings: { client_sees_versions: false },
  cursor: null,
  orgs: null,
  listed: {},
  touched: {},
  unsure: [],
  listStale: false,
  departments: [],
  watched: [],
  threads: {},
  members: {},
  marks: {},
  named: [],
  documents: {},
  typing: {},
  here: [],
  logins: [],
  sessionsSeal: 0,
  jobsSeal: 0,
  moved: {},
  waits: {},
  ratingsSeal: 0,
  outbox: [],
};

const emptyThread: Thread = { messages: [], more: false, loaded: false };

/** Supervisors and admins watch unseen: nothing they look at counts as read. */
export function isGhost(account: Account): boolean {
  return account.role === 'supervisor' || account.role === 'admin';
}

export function isStaff(account: Account): boolean {
  return account.role !== 'client';
}

/** Whether the versions call will answer this account for this message. */
export function maySeeVersions(account: Account, settings: Settings, message: Message): boolean {
  switch (account.role) {
    case 'admin':
    case 'supervisor':
      return true;
    case 'accountant':
      return message.author === account.id;
    case 'client':
      return settings.client_sees_versions;
  }
}

export function findTopic(state: State, id: number): { org: Org; topic: Topic } | null {
  for (const org of state.orgs ?? []) {
    const topic = org.topics.find((each) => each.id === id);
    if (topic) return { org, topic };
  }
  return null;
}

/** Whether a message is to replace what is known of it. */
function isNews(message: Message, known: Message): boolean {
  if (message.version !== known.version) return message.version > known.version;
  return message.redacted_at !== null || known.redacted_at === null;
}

/** Messages by id, each in the newest version that either side knows. */
export function mergeMessages(
  known: readonly Message[],
  news: readonly Message[],
): readonly Message[] {
  const byId = new Map(known.map((message) => [message.id, message]));
  for (const message of news) {
    const old = byId.get(message.id);
    if (!old || isNews(message, old)) byId.set(message.id, message);
  }
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

/** Pending messages of a topic that have not come back as messages yet, in the order of typing. */
export function unsent(
  outbox: readonly Pending[],
  topic: number,
  thread: Thread | undefined,
): Pending[] {
  const arrived = new Set((thread?.messages ?? []).map((message) => message.client_key));
  return outbox.filter((pending) => pending.topic === topic && !arrived.has(pending.client_key));
}

/** Lets events of a topic collect while its first page is on its way. */
export function startThread(state: State, topic: number): State {
  return withThread(state, topic, emptyThread);
}

/**
 * Takes in a page of history: the newest page of a topic, or the one before its oldest loaded
 * message.
 */
export function addHistory(state: State, topic: number, reply: HistoryReply): State {
  const thread = state.threads[topic] ?? emptyThread;
  const oldest = reply.messages[0]?.id ?? 0;
  // Before the first page came, events may have told of older messages: those would leave a gap.
  const known =
    thread.loaded || !reply.more ? thread.messages : thread.messages.filter((m) => m.id >= oldest);
  return withThread(state, topic, {
    messages: mergeMessages(known, reply.messages),
    more: reply.more,
    loaded: true,
  });
}

export function setMembers(state: State, org: number, reply: MembersReply): State {
  const marks: Record<number, Marks> = { ...state.marks };
  for (const { topic, account, message } of reply.marks) {
    marks[topic] = { ...marks[topic], [account]: Math.max(message, marks[topic]?.[account] ?? 0) };
  }
  return { ...state, members: { ...state.members, [org]: reply.members }, marks };
}

/**
 * Forgets everything that events would have kept true: they were too many to be replayed, or are of
 * another database, whose seals begin anew.
 */
export function reset(state: State): State {
  const { threads, members, marks, named, documents, typing, listed, touched, unsure } = nothing;
  const forgotten = { threads, members, marks, named, documents, typing, listed, touched, unsure };
  return { ...state, ...forgotten, cursor: null, listStale: true };
}

/** Forgets what holds as long as the connection does. */
export function disconnect(state: State): State {
  return { ...state, typing: {}, here: [], watched: [] };
}

/** Takes in a message, from an event or from the reply to a call of mine. */
export function applyMessage(state: State, message: Message): State {
  let next = state;
  const thread = state.threads[message.topic];
  if (thread && !(thread.more && message.id < (thread.messages[0]?.id ?? 0))) {
    const messages = mergeMessages(thread.messages, [message]);
    next = withThread(next, message.topic, { ...thread, messages });
  }
  next = setTyping(next, message.topic, message.author, false);
  return withTopic(next, message.topic, (topic) => {
    const [newest] = mergeMessages(topic.last ? [topic.last] : [], [message]).slice(-1);
    return newest === topic.last ? topic : { ...topic, last: newest ?? null };
  });
}

export function setTyping(state: State, topic: number, account: number, types: boolean): State {
  const now = state.typing[topic] ?? [];
  if (now.includes(account) === types) return state;
  const then = types ? [...now, account] : now.filter((each) => each !== account);
  return { ...state, typing: { ...state.typing, [topic]: then } };
}

/** Who is there of a company, of those I am told of. */
export function setPresence(state: State, org: number, accounts: readonly number[]): State {
  const members = (state.members[org] ?? []).map((member) => member.id);
  const others = state.here.filter((id) => !members.includes(id) && !accounts.includes(id));
  return { ...state, here: [...others, ...accounts] };
}

export function setHere(state: State, account: number, online: boolean): State {
  if (state.here.includes(account) === online) return state;
  const others = state.here.filter((id) => id !== account);
  return { ...state, here: online ? [...others, account] : others };
}

export function isWatched(state: State, { kind, id }: Target): boolean {
  return state.watched.some((each) => each.kind === kind && each.id === id);
}

export function setWatched(state: State, target: Target, watched: boolean): State {
  if (isWatched(state, target) === watched) return state;
  const others = state.watched.filter((each) => each.kind !== target.kind || each.id !== target.id);
  return { ...state, watched: watched ? [...others, target] : others };
}

/** The position that everything up to a whole seal has been seen at. */
export function advance(state: State, seal: number): State {
  if (state.cursor && state.cursor.seal > seal) return state;
  return { ...state, cursor: { seal, index: null } };
}

export function enqueue(state: State, pending: Pending): State {
  const others = state.outbox.filter((each) => each.client_key !== pending.client_key);
  return { ...state, outbox: [...others, pending] };
}

/** The server has a message of mine (or I have given it up): it is no longer pending. */
export function settle(state: State, client_key: string): State {
  return { ...state, outbox: state.outbox.filter((each) => each.client_key !== client_key) };
}

export function setRefused(state: State, client_key: string, refused: number | null): State {
  const outbox = state.outbox.map((each) =>
    each.client_key === client_key ? { ...each, refused } : each,
  );
  return { ...state, outbox };
}

function withThread(state: State, topic: number, thread: Thread): State {
  return { ...state, threads: { ...state.threads, [topic]: thread } };
}

export function withTopic(state: State, id: number, change: (topic: Topic) => Topic): State {
  const orgs = state.orgs?.map((org) => {
    const at = org.topics.findIndex((topic) => topic.id === id);
    const old = org.topics[at];
    if (!old) return org;
    const topic = change(old);
    return topic === old
      ? org
      : { ...org, topics: org.topics.map((each) => (each === old ? topic : each)) };
  });
  return orgs ? { ...state, orgs } : state;
}
