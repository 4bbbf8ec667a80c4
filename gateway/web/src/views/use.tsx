// What every view has at hand: the app, the part of its page that the view shows, and the words.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { app } from '../app';
import { dictionaries, type Dictionary } from '../i18n';
import type { Page } from '../page';
import { Code, type Document, type Message } from '../protocol';
import { newerOf } from '../documents';
import { TOO_LARGE } from '../http';
import { useSelected } from '../store';
import { Icon } from './icons';

export function usePage<T>(select: (page: Page) => T): T {
  return useSelected(app.store, select);
}

export function useWords(): Dictionary {
  return dictionaries[usePage((page) => page.language)];
}

/** A document as it is now, whatever the message says that carries it. */
export function useDocument(document: Document): Document {
  const told = usePage((page) => page.data.documents[document.id]);
  return told ? newerOf(document, told) : document;
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
    case Code.conflict:
      return words.conflict;
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

/** Does things that may be refused; `failure` is to be drawn where the refusal is to be told. */
export function useAttempt() {
  const words = useWords();
  const [code, setCode] = useState<number | null>(null);
  const attempt = async (doing: () => Promise<void>) => {
    try {
      await doing();
      setCode(null);
    } catch (error) {
      setCode(app.refusal(error)?.code ?? null);
    }
  };
  const failure: ComponentChildren = code !== null && (
    <div role="alert" class="said">
      <p class="tip bad">
        <Icon name="alert" />
        {explain(words, code)}
      </p>
    </div>
  );
  return { attempt, failure: failure || null };
}

/** What a call answers, asked again when one of `on` changes; null until it has come. */
export function useLoaded<T>(load: () => Promise<T>, on: readonly unknown[]) {
  const [value, setValue] = useState<T | null>(null);
  const { attempt, failure } = useAttempt();
  const again = () => attempt(async () => setValue(await load()));
  useEffect(() => void again(), on);
  return { value, setValue, again, failure };
}

/** A value that others change often: as it is, but changing once in so many milliseconds at most. */
export function useCalm<T>(value: T, pause: number): T {
  const [calm, setCalm] = useState(value);
  const latest = useRef(value);
  const timer = useRef<number | undefined>(undefined);
  latest.current = value;
  useEffect(() => {
    if (timer.current !== undefined || Object.is(calm, value)) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      setCalm(latest.current);
    }, pause);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return calm;
}

/** The browser's time, anew every so many milliseconds. */
export function useNow(pause: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), pause);
    return () => clearInterval(timer);
  }, [pause]);
  return now;
}

/** Name of a kind of topic by its code, as the firm has them. */
export function useKindName(): (kind: string | null) => string {
  const language = usePage((page) => page.language);
  const topics = usePage((page) => page.data.orgs?.[0]?.topics);
  return (kind) => topics?.find((topic) => topic.kind === kind)?.names[language] ?? kind ?? '';
}

/** Name of an account by its id, as far as it takes part in conversations that were loaded. */
export function useName(): (account: number | null) => string | null {
  const members = usePage((page) => page.data.members);
  return (account) =>
    Object.values(members)
      .flat()
      .find((member) => member.id === account)?.name ?? null;
}
