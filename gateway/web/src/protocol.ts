// The protocol's shapes, as gateway/README.md describes them. Ids are integers, times are ISO 8601.
// Those of documents are in protocol-documents.ts, those of waits, ratings and pay in
// protocol-figures.ts.

import type { Document, NamedDocument } from './protocol-documents';

export type * from './protocol-documents';
export type * from './protocol-figures';

export type Role = 'admin' | 'supervisor' | 'accountant' | 'client';
export type Language = 'uz' | 'ru' | 'en';
export type TicketState = 'open' | 'waiting_client' | 'closed';
export type Visibility = 'all' | 'staff';

export interface Account {
  id: number;
  login: string;
  name: string;
  role: Role;
  org: number | null;
  department: number | null;
  language: Language;
}

export interface Message {
  id: number;
  org: number;
  topic: number;
  author: number;
  author_name: string;
  author_role: Role;
  at: string;
  text: string | null;
  /** Counts from 1; an edit and a deletion each make the next. */
  version: number;
  edited_at: string | null;
  deleted_at: string | null;
  /** When its text was taken out of all versions. */
  redacted_at: string | null;
  visibility: Visibility;
  imported: boolean;
  reply_to: number | null;
  client_key: string | null;
  documents: Document[];
}

/** A stretch of words that stayed, went or came. */
export interface Change {
  op: 'keep' | 'remove' | 'add';
  text: string;
}

export interface Version {
  version: number;
  at: string;
  author: number;
  author_name: string;
  operation: 'send' | 'edit' | 'delete';
  /** null when it was deleted by this version, or redacted. */
  text: string | null;
  /** From the version before; null where one of the two has no text. */
  diff: Change[] | null;
}

export interface Topic {
  id: number;
  kind: string;
  names: Record<Language, string>;
  state: TicketState | null;
  unread: number;
  last: Message | null;
}

export interface Org {
  id: number;
  name: string;
  department: number | null;
  archived: boolean;
  topics: Topic[];
}

export interface Member {
  id: number;
  name: string;
  role: Role;
}

export interface Department {
  id: number;
  name: string;
}

export interface Settings {
  client_sees_versions: boolean;
  /** Bytes that a file may have; missing where the server does not say. */
  upload_bytes?: number;
}

/** A session of mine: where I am logged in. */
export interface Device {
  id: number;
  /** Its name, as it gave it when logging in. */
  device: string | null;
  address: string | null;
  last_seen: string;
  /** The session that asks. */
  current: boolean;
}

/** A place in the order of events; without index, the whole seal is behind it. */
export interface Cursor {
  seal: number;
  index: number | null;
}

interface EventBase {
  seal: number;
  index: number;
  at: string;
  org: number | null;
  topic: number | null;
}

/** A message that was changed again before its event was read: the event of that change follows. */
export type NamedMessage = Pick<
  Message,
  'id' | 'org' | 'topic' | 'author' | 'visibility' | 'version'
>;
export type MessageEvent = EventBase & {
  kind: `message.${'sent' | 'edited' | 'deleted' | 'imported' | 'redacted'}`;
  message: Message | NamedMessage;
};
export type ReadEvent = EventBase & {
  kind: 'topic.read';
  topic: number;
  account: number;
  message: number;
};
export type TicketEvent = EventBase & {
  kind: 'ticket.opened' | 'ticket.changed';
  org: number;
  topic: number;
  state: TicketState;
};
/** Of a wait of a client, for staff. */
export type WaitEvent = EventBase & {
  kind: `sla.${'warned' | 'breached'}` | 'wait.dismissed';
  org: number;
};
export type RatingEvent = EventBase & {
  kind: `rating.${'given' | 'reminded'}`;
  org: number;
};
export type DocumentEvent = EventBase & {
  kind: `document.${'ready' | 'failed' | 'processed' | 'returned'}`;
  document: Document | NamedDocument;
};
/** For admins; the page shows lists anew at them. */
export type JobEvent = EventBase & {
  kind: `job.${'failed' | 'retried'}` | 'logo.changed';
  subject: number;
};
export type ErasedEvent = EventBase & { kind: 'org.erased'; org: number };
export type LoginEvent = EventBase & {
  kind: 'session.started';
  account: number;
  session: number;
  device: string | null;
  address: string | null;
  /** The account never logged in with this device from this address before. */
  new_device: boolean;
};
export type SessionEndEvent = EventBase & {
  kind: 'session.ended' | 'session.revoked';
  account: number;
  session: number;
};
/** Kinds that the page either takes as "the list of companies changed" or passes over. */
export type OtherEvent = EventBase & {
  kind: `${'org' | 'assignment' | 'department' | 'setting'}.changed`;
};
export type AccountEvent = EventBase & { kind: 'account.changed'; account: number };
export type ServerEvent =
  | MessageEvent
  | ReadEvent
  | TicketEvent
  | WaitEvent
  | RatingEvent
  | DocumentEvent
  | JobEvent
  | ErasedEvent
  | LoginEvent
  | SessionEndEvent
  | AccountEvent
  | OtherEvent;

export interface Typing {
  org: number;
  topic: number;
  account: number;
}

export interface Presence {
  account: number;
  online: boolean;
}

export interface LoginReply {
  token: string;
  session: number;
  seal: number;
  account: Account;
}
export interface ResumeReply {
  session: number;
  seal: number;
  account: Account;
  reset: boolean;
  events: ServerEvent[];
}
export interface MeReply {
  account: Account;
  settings: Settings;
}
export interface SessionsReply {
  sessions: Device[];
}
export interface RevokedReply {
  ended: number;
}
export interface TopicsReply {
  seal: number;
  orgs: Org[];
}
export interface MembersReply {
  members: Member[];
  marks: { topic: number; account: number; message: number }[];
}
export interface PresenceReply {
  org: number;
  accounts: number[];
}
export interface DepartmentsReply {
  departments: Department[];
}
export interface HistoryReply {
  seal: number;
  messages: Message[];
  more: boolean;
}
export interface VersionsReply {
  versions: Version[];
  /** Those of a deleted message too. */
  documents: Document[];
}
/** Characters that one message may have; the server refuses more. */
export const LONGEST_TEXT = 16_384;

/** Bytes that the firm's logo may have. */
export const LARGEST_LOGO = 131_072;

/** A password has at least so many characters, */
export const SHORTEST_PASSWORD = 8;
/** and at most so many bytes of UTF-8; the server refuses others. */
export const LONGEST_PASSWORD = 1024;

/** Error codes of the protocol that the page treats in ways of their own. */
export const Code = {
  invalidParams: -32602,
  notLoggedIn: -32001,
  notAllowed: -32002,
  notFound: -32003,
  staleEdit: -32004,
  conflict: -32005,
  limit: -32006,
  unavailable: -32007,
  internal: -32603,
} as const;

/** SQLSTATE of a login refused because the account is logged in on as many devices as it may be. */
export const TOO_MANY_SESSIONS = '54OF1';
