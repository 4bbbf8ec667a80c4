// What every view has at hand: the app, the part of its page that the view shows, and the words.

import { app } from '../app';
import { dictionaries, type Dictionary } from '../i18n';
import type { Page } from '../page';
import { Code } from '../protocol';
import { TOO_LARGE } from '../files';
import { useSelected } from '../store';

export function usePage<T>(select: (page: Page) => T): T {
  return useSelected(app.store, select);
}

export function useWords(): Dictionary {
  return dictionaries[usePage((page) => page.language)];
}

/** What to tell the user of an error code. */
export function explain(words: Dictionary, code: number): string {
  switch (code) {
    case Code.notAllowed:
      return words.notAllowed;
    case Code.notFound:
      return words.notFound;
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
