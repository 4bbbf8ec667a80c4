// The list of companies and topics, and how many messages of each topic are unread: as many as
// `topics` counts, which are those of others, not deleted, above my read mark.
//
// The list is true at its seal, but may contain what was sealed only later. What an event tells of
// is therefore counted here where it is sure that the list lacks it: an event after the list's seal,
// of a message above the newest listed. Where it is not sure, the company is noted as unsure, and
// its topics are listed again. The same where the list was read before an event that came first.

import type { Message, NamedMessage, Org, Topic, TopicsReply } from './protocol';
import { findTopic, mergeMessages, withTopic, type Listed, type State } from './state';

/** The server counts no further. */
const MOST_UNREAD = 1000;

const myMark = (state: State, topic: number) => state.marks[topic]?.[state.account?.id ?? 0] ?? 0;

/**
 * Takes in the list of companies and topics; forgets what belongs to companies that are gone from
 * it.
 */
export function setTopics(state: State, reply: TopicsReply): State {
  const orgs = reply.orgs.map((org) => listOrg(state, org));
  const next = noteListed({ ...state, orgs, listed: {}, listStale: false }, reply);
  const threads = Object.fromEntries(
    Object.entries(state.threads).filter(([id]) => findTopic(next, Number(id)) !== null),
  );
  return { ...next, threads };
}

/** Takes in companies of the list that were listed again. */
export function relist(state: State, reply: TopicsReply): State {
  const orgs = (state.orgs ?? []).map((org) => {
    const again = reply.orgs.find((each) => each.id === org.id);
    return again ? listOrg(state, again) : org;
  });
  return noteListed({ ...state, orgs }, reply);
}

function listOrg(state: State, org: Org): Org {
  const topics = org.topics.map((topic) => ({
    ...topic,
    last: newerLast(findTopic(state, topic.id)?.topic.last ?? null, topic.last),
    // What I have read may be on its way to the server still.
    unread: myMark(state, topic.id) >= (topic.last?.id ?? 0) ? 0 : topic.unread,
  }));
  return { ...org, topics };
}

/** The newest message of a topic, of what an event may have told of and what the list says. */
function newerLast(known: Message | null, listed: Message | null): Message | null {
  return mergeMessages(known ? [known] : [], listed ? [listed] : []).at(-1) ?? null;
}

function noteListed(state: State, { seal, orgs }: TopicsReply): State {
  const news: Record<number, Listed> = {};
  const late = orgs.filter((org) => org.topics.some(({ id }) => (state.touched[id] ?? 0) > seal));
  for (const topic of orgs.flatMap((org) => org.topics))
    news[topic.id] = { seal, last: topic.last?.id ?? 0 };
  return late.reduce((now, org) => doubt(now, org.id), {
    ...state,
    listed: { ...state.listed, ...news },
  });
}

function doubt(state: State, org: number): State {
  return state.unsure.includes(org) ? state : { ...state, unsure: [...state.unsure, org] };
}

function touch(state: State, topic: number, seal: number): State {
  return { ...state, touched: { ...state.touched, [topic]: seal } };
}

const add = (state: State, topic: number, count: number) =>
  withTopic(state, topic, (each) => ({
    ...each,
    unread: Math.max(0, Math.min(each.unread + count, MOST_UNREAD)),
  }));

/** An event tells of a new message. */
export function countNew(state: State, seal: number, message: Message): State {
  const { id, org, topic, author } = message;
  if (author === state.account?.id || message.deleted_at !== null) return state;
  const next = touch(state, topic, seal);
  const listed = state.listed[topic];
  if (!listed || seal <= listed.seal || id <= myMark(state, topic)) return next;
  return id > listed.last ? add(next, topic, 1) : doubt(next, org);
}

/** An event tells of the deletion of a message that an event told of before. */
export function countDeleted(state: State, seal: number, message: NamedMessage): State {
  const { id, org, topic, author } = message;
  if (author === state.account?.id) return state;
  const next = touch(state, topic, seal);
  const listed = state.listed[topic];
  if (!listed || seal <= listed.seal || id <= myMark(state, topic)) return next;
  if (findTopic(state, topic)?.topic.unread === 0) return next;
  const exact = id > listed.last && !state.unsure.includes(org);
  return exact ? add(next, topic, -1) : doubt(next, org);
}

/** A round of a topic was opened, closed or waits. */
export function setTicket(state: State, seal: number, id: number, ticket: Topic['state']): State {
  const next = touch(state, id, seal);
  if (seal <= (state.listed[id]?.seal ?? 0)) return next;
  return withTopic(next, id, (topic) => ({ ...topic, state: ticket }));
}

/** Somebody has read a topic up to a message; for myself it also counts down what is unread. */
export function applyRead(state: State, topicId: number, account: number, message: number): State {
  const marks = state.marks[topicId] ?? {};
  if ((marks[account] ?? 0) >= message) return state;
  const next = { ...state, marks: { ...state.marks, [topicId]: { ...marks, [account]: message } } };
  if (account !== state.account?.id) return next;
  return withTopic(next, topicId, (topic) => {
    const left = unreadAfter(next, topic, message);
    return left >= topic.unread ? topic : { ...topic, unread: left };
  });
}

/** The same from an event, of mine: where something is left unread, how much is asked for. */
export function applyMyRead(state: State, seal: number, topic: number, message: number): State {
  const read = applyRead(state, topic, state.account?.id ?? 0, message);
  const next = touch(read, topic, seal);
  const found = findTopic(next, topic);
  return found && found.topic.unread > 0 ? doubt(next, found.org.id) : next;
}

/** As far as what is loaded of the topic tells; else as many as before. */
function unreadAfter(state: State, topic: Topic, message: number): number {
  if (!topic.last || message >= topic.last.id) return 0;
  const thread = state.threads[topic.id];
  const whole = thread?.loaded && (!thread.more || (thread.messages[0]?.id ?? 0) <= message);
  if (!whole) return topic.unread;
  return thread.messages.filter(
    (each) => each.id > message && each.author !== state.account?.id && each.deleted_at === null,
  ).length;
}
