// What is known of documents beside the messages that carry them: the newest description of each
// that an event or a reply has told. Pure, as state.ts is.

import type { Account, Document, Mark, Settings } from './protocol';
import type { State } from './state';

/** Being sent with a message, and being erased, make no revision; both are for good. */
const stage = (document: Document) =>
  Number(document.message !== null) + Number(document.erased_at !== null);

/** The newer of two descriptions of one document; they come by different ways, in any order. */
export function newerOf(known: Document | undefined, told: Document): Document {
  if (!known || told.revision > known.revision) return told;
  return told.revision === known.revision && stage(told) >= stage(known) ? told : known;
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

/** What the staff upload is stamped; what clients upload is as it is. */
export const isFromClient = (document: Document): boolean =>
  document.state === 'ready' && !document.stamped;

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
export function filterOf(document: Document): Exclude<DocumentFilter, 'all'> | null {
  return markOf(document)?.mark ?? (isFromClient(document) ? 'unprocessed' : null);
}
