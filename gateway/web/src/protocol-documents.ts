// The protocol's shapes for documents, and for what an admin sees and sets of them.

import type { Account, Role } from './protocol';

export type DocumentState = 'ready' | 'stamping' | 'failed';
/** Why a document could not be stamped. */
export type DocumentReason =
  | 'encrypted'
  | 'broken'
  | 'too_large'
  | 'no_pages'
  | 'unsupported'
  | 'office_off'
  | 'time'
  | 'died'
  | 'lost';

/** What the staff made of a client's document. */
export interface Mark {
  mark: 'processed' | 'returned';
  at: string;
  by: number;
  by_name: string;
  /** Why it was returned. */
  reason: string | null;
}

export interface Document {
  id: number;
  org: number;
  topic: number;
  message: number | null;
  /** Name, type and size are of what a download gives: of the stamped one, where there is one. */
  name: string;
  type: string;
  /** Bytes. */
  size: number;
  uploader: number;
  uploader_name: string;
  at: string;
  /** When it was erased with its company's data: it cannot be had any more. */
  erased_at: string | null;
  /** Counts from 0; a change of its state, its preview or its marks makes the next. */
  revision: number;
  state: DocumentState;
  reason: DocumentReason | null;
  stamped: boolean;
  /** What was uploaded is a PDF with a digital signature, which the stamped one has no more. */
  signed: boolean;
  /** There is a picture of it. */
  preview: boolean;
  /** What was uploaded, once what is handed out differs from it. */
  original: { name: string; type: string; size: number } | null;
  /** Oldest first; the last one holds. */
  marks: readonly Mark[];
}

/** A document that was changed again before its event was read: the event of that follows. */
export type NamedDocument = Pick<Document, 'id' | 'org' | 'topic' | 'revision'>;

/** What an admin sets for the firm, of what the page shows. */
export interface FirmSettings {
  /** Media types, separated by blanks. */
  upload_types: string;
  upload_bytes: number;
  office_to_pdf: boolean;
  notify_by_mail: boolean;
  notify_by_webhook: boolean;
  notify_after_seconds: number;
}

export interface FirmLogo {
  id: number;
  at: string;
  state: 'checking' | 'ready' | 'failed';
  message: string | null;
  /** A PNG, in base64. */
  image: string | null;
}

export type JobState = 'waiting' | 'running' | 'failed';
/** Something that a gateway does beside: a stamp, a preview, a letter. */
export interface Job {
  id: number;
  kind: string;
  state: JobState;
  document: number | null;
  document_name: string | null;
  account: number | null;
  attempts: number;
  due_at: string | null;
  at: string;
  reason: string | null;
  message: string | null;
  gateway: string | null;
}

/** Who did what with a document. */
export interface LogEntry {
  id: number;
  at: string;
  action: string;
  document: number | null;
  document_name: string | null;
  account: number | null;
  account_name: string | null;
  role: Role | null;
  org: number | null;
  topic: number | null;
  variant: 'file' | 'preview' | 'original' | null;
  address: string | null;
  device: string | null;
  /** Of a refusal. */
  why: string | null;
}

export interface DocumentsReply {
  seal: number;
  documents: Document[];
}
export interface DocumentReply {
  document: Document;
}
export interface LogReply {
  entries: LogEntry[];
}
export interface JobsReply {
  jobs: Job[];
}
export interface LogoReply {
  /** The newest that was given, whatever became of it. */
  logo: FirmLogo | null;
  /** The one that is stamped now. */
  current: { id: number; at: string; image: string } | null;
}
export interface AccountsReply {
  accounts: Account[];
}
export interface LinkReply {
  url: string | null;
  expires_in: number | null;
}
