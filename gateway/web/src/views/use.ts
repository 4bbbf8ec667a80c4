// What every view has at hand: the app, the part of its page that the view shows, and the words.

import { app } from '../app';
import { dictionaries, type Dictionary } from '../i18n';
import type { Page } from '../page';
import { Code, type Message } from '../protocol';
import { TOO_LARGE } from '../files';
import { useSelected } from '../store';

export function usePage<T>(select: (page: Page) => T): T {
  return useSelected(app.store, select);
}

export function useWords(): Dictionary {
  return dictionaries[usePage((page) => page.language)];
}

/** What a message says, in one line; its files' names where it has no text. */
export function gist(words: Dictionary, message: Message): string {
  if (message.deleted_at) return words.deleted;
  if (message.redacted_at) return words.redacted;
  const files = message.documents.map((each) => each.name).join(', ');
  return message.text || files || words.file;
}

/** What to tell the user of an error code. */
export function explain(words: Dictionary, code: number): string {
  switch (code) {
    case Code.notAllowed:
      return words.notAllowed;
    case Code.notFound:
      return words.notFound;
    case Code.staleEdit:
      return words.changed;
    case Code.limit:
      return words.limit;
    case Code.unavailable:
      return words.unavailable;
    case Code.invalidParams:
      return words.invalid;
    case TOO_LARGE:
      return words.tooLarge;
    default:
      return words.failed;
  }
}
