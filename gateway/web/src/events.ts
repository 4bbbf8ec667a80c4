// What the server's events do to what the page knows.

import { applyDocument } from './documents';
import type { Cursor, LoginEvent, Message, NamedMessage, ServerEvent } from './protocol';
import { applyMessage, findTopic, setTyping, type State } from './state';
import { applyMyRead, applyRead, countDeleted, countNew, setTicket } from './topics';

/** Beyond so many unanswered logins, the oldest are forgotten. */
const MOST_LOGINS = 20;

export function applyEvent(state: State, event: ServerEvent): State {
  if (state.cursor && !isAfter(event, state.cursor)) return state;
  const next = move({ ...state, cursor: { seal: event.seal, index: event.index } }, event);
  switch (event.kind) {
    case 'message.sent':
    case 'message.imported':
      return isWhole(event.message)
        ? countNew(applyMessage(next, event.message), event.seal, event.message)
        : applyNamed(next, event.message);
    case 'message.edited':
    case 'message.redacted':
      return applyChange(next, event.seal, event.message);
    case 'message.deleted':
      return applyDeletion(next, event.seal, event.message);
    case 'topic.read':
      return event.account === state.account?.id
        ? applyMyRead(next, event.seal, event.topic, event.message)
        : applyRead(next, event.topic, event.account, event.message);
    case 'ticket.opened':
      return setTicket(next, event.seal, event.topic, event.state);
    case 'ticket.changed':
      return setTicket({ ...next, ratingsSeal: event.seal }, event.seal, event.topic, event.state);
    case 'rating.given':
    case 'rating.reminded':
      return { ...next, ratingsSeal: event.seal };
    case 'document.ready':
    case 'document.failed':
    case 'document.processed':
    case 'document.returned':
      return 'name' in event.document ? applyDocument(next, event.document) : next;
    case 'job.failed':
    case 'job.retried':
    case 'logo.changed':
      return { ...next, jobsSeal: event.seal };
    case 'session.started':
      return addLogin({ ...next, sessionsSeal: event.seal }, event);
    case 'session.ended':
    case 'session.revoked':
      return { ...next, sessionsSeal: event.seal };
    case 'org.erased':
      return { ...forgetContent(next, event.org), listStale: true };
    case 'account.changed':
      return event.account === state.account?.id ? { ...next, listStale: true } : next;
    default:
      return /^(org|assignment|department)\./.test(event.kind)
        ? { ...next, listStale: true }
        : next;
  }
}

/** Notes what changes waits or figures; staff's pages ask for them again. */
function move(state: State, { kind, org, seal }: ServerEvent): State {
  if (org === null || !/^(message|ticket|sla|wait|rating|document)\./.test(kind)) return state;
  return { ...state, moved: { ...state.moved, [org]: seal } };
}

function isAfter(event: { seal: number; index: number }, cursor: Cursor): boolean {
  if (event.seal !== cursor.seal) return event.seal > cursor.seal;
  return cursor.index !== null && event.index > cursor.index;
}

function isWhole(message: Message | NamedMessage): message is Message {
  return 'text' in message;
}

/** A new message that the event of its change is to show. */
function applyNamed(state: State, { id, topic, author }: NamedMessage): State {
  return setTyping({ ...state, named: [...state.named, id] }, topic, author, false);
}

/** Takes in a changed message, of which this may be the first that is shown. */
function applyChange(state: State, seal: number, message: Message | NamedMessage): State {
  if (!isWhole(message)) return state;
  const next = applyMessage(state, message);
  if (!state.named.includes(message.id)) return next;
  const named = state.named.filter((id) => id !== message.id);
  return countNew({ ...next, named }, seal, message);
}

/** One that was not shown before was not counted either. */
function applyDeletion(state: State, seal: number, message: Message | NamedMessage): State {
  const next = applyChange(state, seal, message);
  return state.named.includes(message.id) ? next : countDeleted(next, seal, message);
}

/** Keeps a login of mine elsewhere, when it is from a new device. */
function addLogin(state: State, event: LoginEvent): State {
  if (!event.new_device || event.session === state.session) return state;
  return { ...state, logins: [...state.logins, event].slice(-MOST_LOGINS) };
}

/** Forgets what was loaded of a company's topics; the one that is open is loaded anew. */
function forgetContent(state: State, org: number): State {
  const threads = Object.entries(state.threads).filter(
    ([topic]) => findTopic(state, Number(topic))?.org.id !== org,
  );
  const documents = Object.entries(state.documents).filter(([, each]) => each.org !== org);
  return {
    ...state,
    threads: Object.fromEntries(threads),
    documents: Object.fromEntries(documents),
  };
}
