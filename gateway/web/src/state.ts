// What the page knows, and how replies and events change it. Everything here is pure: a function
// takes a state and returns the next one, leaving untouched parts the same objects, so that views
// can compare.
//
// Two rules make it safe to apply anything twice or late:
//   a message replaces what is known of it only when its version is not older, and a redacted one
//   stays redacted: a redaction makes no version;
//   an event at or before the cursor is passed over, and one that the list of topics (read at a
//   seal of its own) already contains does not count in it again.

import type {
  Account,
  Cursor,
  Document,
  HistoryReply,
  LoginEvent,
  Member,
  MembersReply,
  Message,
  NamedMessage,
  Org,
  ServerEvent,
  Settings,
  Topic,
  TopicsReply,
  Visibility,
} from './protocol';

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

export interface State {
  account: Account | null;
  /** Mine, of this browser. */
  session: number | null;
  settings: Settings;
  cursor: Cursor | null;
  /** null until the list has come. */
  orgs: readonly Org[] | null;
  /** The seal at which the list was read. */
  listSeal: number;
  /** Newest message in each topic of the list as it was read: what its unread counts go up to. */
  listLast: Readonly<Record<number, number>>;
  /** An event said that the list itself is out of date. */
  listStale: boolean;
  threads: Readonly<Record<number, Thread>>;
  members: Readonly<Record<number, readonly Member[]>>;
  /** By topic. */
  marks: Readonly<Record<number, Marks>>;
  /** New messages that were changed before their event was read: the event of the change is next. */
  named: readonly number[];
  /** By topic: accounts that type now. */
  typing: Readonly<Record<number, readonly number[]>>;
  /** Logins of mine from new devices that I have not answered for, in their order. */
  logins: readonly LoginEvent[];
  /** The seal of the last event that told of a session of mine. */
  sessionsSeal: number;
  outbox: readonly Pending[];
}

export const nothing: State = {
  account: null,
  session: null,
  settings: { client_sees_versions: false },
  cursor: null,
  orgs: null,
  listSeal: 0,
  listLast: {},
  listStale: false,
  threads: {},
  members: {},
  marks: {},
  named: [],
  typing: {},
  logins: [],
  sessionsSeal: 0,
  outbox: [],
};

/** Beyond so many unanswered logins, the oldest are forgotten. */
const MOST_LOGINS = 20;

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

/**
 * Takes in the list of companies and topics; forgets what belongs to companies that are gone from
 * it.
 */
export function setTopics(state: State, reply: TopicsReply): State {
  const listLast = Object.fromEntries(
    reply.orgs.flatMap((org) => org.topics.map((topic) => [topic.id, topic.last?.id ?? 0])),
  );
  const mine = (topic: Topic) => state.marks[topic.id]?.[state.account?.id ?? 0] ?? 0;
  const orgs = reply.orgs.map((org) => ({
    ...org, // what I have read may be on its way to the server still
    topics: org.topics.map((topic) => ({
      ...topic,
      last: newerLast(findTopic(state, topic.id)?.topic.last ?? null, topic.last),
      unread: mine(topic) >= (topic.last?.id ?? 0) ? 0 : topic.unread,
    })),
  }));
  const next = { ...state, orgs, listSeal: reply.seal, listLast, listStale: false };
  const kept = (id: string) => findTopic(next, Number(id)) !== null;
  const threads = Object.fromEntries(Object.entries(state.threads).filter(([id]) => kept(id)));
  return { ...next, threads };
}

/** The newest message of a topic, of what an event may have told of and what the list says. */
function newerLast(known: Message | null, listed: Message | null): Message | null {
  return mergeMessages(known ? [known] : [], listed ? [listed] : []).at(-1) ?? null;
}

export function setMembers(state: State, org: number, reply: MembersReply): State {
  const marks: Record<number, Marks> = { ...state.marks };
  for (const { topic, account, message } of reply.marks) {
    marks[topic] = { ...marks[topic], [account]: Math.max(message, marks[topic]?.[account] ?? 0) };
  }
  return { ...state, members: { ...state.members, [org]: reply.members }, marks };
}

/** Forgets everything that events would have kept true: they were too many to be replayed. */
export function reset(state: State): State {
  return { ...state, threads: {}, members: {}, marks: {}, named: [], typing: {}, listStale: true };
}

export function applyEvent(state: State, event: ServerEvent): State {
  if (state.cursor && !isAfter(event, state.cursor)) return state;
  const next = { ...state, cursor: { seal: event.seal, index: event.index } };
  switch (event.kind) {
    case 'message.sent':
    case 'message.imported':
      if (!isWhole(event.message)) return { ...next, named: [...next.named, event.message.id] };
      return countUnread(applyMessage(next, event.message), event.seal, event.message);
    case 'message.edited':
    case 'message.deleted':
    case 'message.redacted':
      return isWhole(event.message) ? applyChange(next, event.seal, event.message) : next;
    case 'topic.read':
      return applyRead(next, event.topic, event.account, event.message);
    case 'ticket.opened':
    case 'ticket.changed':
      if (event.seal <= state.listSeal) return next;
      return withTopic(next, event.topic, (topic) => ({ ...topic, state: event.state }));
    case 'session.started':
      return addLogin({ ...next, sessionsSeal: event.seal }, event);
    case 'session.ended':
    case 'session.revoked':
      return { ...next, sessionsSeal: event.seal };
    case 'org.erased':
      return { ...forgetThreads(next, event.org), listStale: true };
    default:
      return /^(org|assignment)\./.test(event.kind) ? { ...next, listStale: true } : next;
  }
}

/** Keeps a login of mine elsewhere, when it is from a new device. */
function addLogin(state: State, event: LoginEvent): State {
  if (!event.new_device || event.session === state.session) return state;
  return { ...state, logins: [...state.logins, event].slice(-MOST_LOGINS) };
}

/** Forgets what was loaded of a company's topics; the one that is open is loaded anew. */
function forgetThreads(state: State, org: number): State {
  const kept = Object.entries(state.threads).filter(
    ([topic]) => findTopic(state, Number(topic))?.org.id !== org,
  );
  return { ...state, threads: Object.fromEntries(kept) };
}

function isWhole(message: Message | NamedMessage): message is Message {
  return 'text' in message;
}

/** Takes in a changed message, of which this may be the first that is shown. */
function applyChange(state: State, seal: number, message: Message): State {
  const next = applyMessage(state, message);
  if (!state.named.includes(message.id)) return next;
  return countUnread(
    { ...next, named: state.named.filter((id) => id !== message.id) },
    seal,
    message,
  );
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

/**
 * Counts a new message as unread, unless the list had counted it when it was read, or I have read
 * it.
 */
function countUnread(state: State, seal: number, message: Message): State {
  const me = state.account?.id ?? 0;
  const counted = seal <= state.listSeal || message.id <= (state.listLast[message.topic] ?? 0);
  const read = message.id <= (state.marks[message.topic]?.[me] ?? 0);
  if (counted || read || message.author === me || message.deleted_at !== null) return state;
  return withTopic(state, message.topic, (topic) => ({ ...topic, unread: topic.unread + 1 }));
}

/** Somebody has read a topic up to a message; for myself it also counts down what is unread. */
export function applyRead(state: State, topicId: number, account: number, message: number): State {
  const marks = state.marks[topicId] ?? {};
  if ((marks[account] ?? 0) >= message) return state;
  const next = { ...state, marks: { ...state.marks, [topicId]: { ...marks, [account]: message } } };
  if (account !== state.account?.id) return next;
  return withTopic(next, topicId, (topic) => {
    if (!topic.last || message >= topic.last.id) return { ...topic, unread: 0 };
    const newer = (state.threads[topicId]?.messages ?? []).filter(
      (each) => each.id > message && each.author !== account && each.deleted_at === null,
    );
    return { ...topic, unread: Math.min(topic.unread, newer.length) };
  });
}

export function setTyping(state: State, topic: number, account: number, types: boolean): State {
  const now = state.typing[topic] ?? [];
  if (now.includes(account) === types) return state;
  const then = types ? [...now, account] : now.filter((each) => each !== account);
  return { ...state, typing: { ...state.typing, [topic]: then } };
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

function isAfter(event: { seal: number; index: number }, cursor: Cursor): boolean {
  if (event.seal !== cursor.seal) return event.seal > cursor.seal;
  return cursor.index !== null && event.index > cursor.index;
}

function withThread(state: State, topic: number, thread: Thread): State {
  return { ...state, threads: { ...state.threads, [topic]: thread } };
}

function withTopic(state: State, id: number, change: (topic: Topic) => Topic): State {
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
