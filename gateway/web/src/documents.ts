// What is known of documents beside the messages that carry them: the newest description of each
// that an event or a reply has told. Pure, as state.ts is.

import type { Account, Document, DocumentState, Mark, Member, Settings } from './protocol';
import type { State } from './state';

/** A document's states only go this way; one that is tried again is shown once it is ready. */
const order: Record<DocumentState, number> = { stamping: 0, failed: 1, ready: 2 };

/** How far a document has come; each of the numbers only grows. */
const stages = (document: Document) => [
  order[document.state],
  Number(document.preview),
  document.marks.length,
  Number(document.erased_at !== null),
  Number(document.message !== null),
];

/** The newer of two descriptions of one document; they come by different ways, in any order. */
export function newerOf(known: Document | undefined, told: Document): Document {
  if (!known) return told;
  const before = stages(known);
  return stages(told).every((stage, at) => stage >= before[at]!) ? told : known;
}

export function applyDocument(state: State, told: Document): State {
  const known = state.documents[told.id];
  if (newerOf(known, told) !== told) return state;
  return { ...state, documents: { ...state.documents, [told.id]: told } };
}

export const applyDocuments = (state: State, all: readonly Document[]): State =>
  all.reduce(applyDocument, state);

/** The mark that holds. */
export const markOf = (document: Document): Mark | null => document.marks.at(-1) ?? null;

/** What the staff is to look at: documents that a client has given. */
export function isFromClient(document: Document, members: readonly Member[]): boolean {
  const role = members.find((member) => member.id === document.uploader)?.role;
  return role ? role === 'client' : document.state === 'ready' && !document.stamped;
}

/** Who gets the original, where the stamped one differs from it; the server decides. */
export function mayHaveOriginal(account: Account, settings: Settings, document: Document): boolean {
  if (document.erased_at) return false;
  if (account.role === 'admin') return document.original !== null || document.state !== 'ready';
  if (!document.original || !document.signed || document.state !== 'ready') return false;
  if (account.role === 'client') return settings.client_sees_versions;
  return account.role === 'supervisor' || document.uploader === account.id;
}

export type DocumentFilter = 'all' | 'unprocessed' | 'processed' | 'returned';

/** Of the filters other than all, the one that shows a document; null for the staff's own. */
export function filterOf(document: Document, members: readonly Member[]): DocumentFilter | null {
  const mark = markOf(document);
  if (mark) return mark.mark;
  return isFromClient(document, members) ? 'unprocessed' : null;
}
