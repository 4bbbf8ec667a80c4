// The messages of a topic, oldest first, loading older ones as one scrolls up. It keeps the place
// when older ones appear above, and stays at the end when new ones come and one was there. What is
// seen at the end of a visible page is reported as read.

import { Fragment, type ComponentChildren } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { app } from '../app';
import { day, dayKey } from '../format';
import type { Member, Message } from '../protocol';
import { findTopic, isGhost, unsent, type Marks } from '../state';
import { Icon } from './icons';
import { MessageView, PendingView } from './message';
import { gist, usePage, useWords } from './use';

const none: readonly never[] = [];
/** Pixels from an edge that count as being at it. */
const NEAR_END = 60;
const NEAR_TOP = 400;
/** Messages of one author within this time stand together. Milliseconds. */
const TOGETHER = 5 * 60_000;

export function Messages({ topic, mayWrite }: { topic: number; mayWrite: boolean }) {
  const words = useWords();
  const thread = usePage((page) => page.data.threads[topic]);
  const outbox = usePage((page) => page.data.outbox);
  const me = usePage((page) => page.data.account)!;
  const org = usePage((page) => findTopic(page.data, topic)?.org.id) ?? 0;
  const members = usePage((page) => page.data.members[org]) ?? none;
  const marks = usePage((page) => page.data.marks[topic]);
  const messages = thread?.messages ?? none;
  const pending = unsent(outbox, topic, thread);
  const divider = useUnreadDivider(topic, me.id, thread?.loaded ?? false);
  const box = useRef<HTMLDivElement>(null);
  const { atEnd, toEnd } = useScroll(box, topic, messages, pending.length);
  useReadMark(topic, me.id, messages, atEnd);

  return (
    <div class="messages-frame">
      <div
        class="messages"
        ref={box}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={words.topics}
      >
        <div class="messages-content">
          {!thread?.loaded && <p class="empty">{words.loading}</p>}
          {thread?.loaded && messages.length + pending.length === 0 && (
            <div class="empty">
              <Icon name="chat" />
              <strong>{words.noMessages}</strong>
              {mayWrite && <span>{words.noMessagesHint}</span>}
            </div>
          )}
          {thread?.more && <p class="older">{words.loading}</p>}
          {messages.map((message, at) => (
            <Fragment key={message.id}>
              <DayBreak before={messages[at - 1]?.at} at={message.at} />
              {message.id === divider && <Break kind="unread">{words.newMessages}</Break>}
              <MessageView
                message={message}
                mine={message.author === me.id}
                right={isGhost(me) ? message.author_role !== 'client' : message.author === me.id}
                first={message.id === divider || !standsWith(messages[at - 1], message)}
                readers={message.author === me.id ? readersOf(message, members, marks) : ''}
                mayWrite={mayWrite}
              />
            </Fragment>
          ))}
          {pending.map((each) => (
            <PendingView key={each.client_key} pending={each} />
          ))}
          <TypingLine topic={topic} members={members} />
        </div>
      </div>
      {!atEnd && (
        <button
          type="button"
          class="to-end round"
          aria-label={words.toNewest}
          title={words.toNewest}
          onClick={toEnd}
        >
          <Icon name="down" />
        </button>
      )}
      <Announcement messages={messages} />
    </div>
  );
}

function DayBreak({ before, at }: { before: string | undefined; at: string }) {
  const language = usePage((page) => page.language);
  if (before !== undefined && dayKey(before) === dayKey(at)) return null;
  return <Break kind="day">{day(language, at)}</Break>;
}

function Break({ kind, children }: { kind: 'day' | 'unread'; children: ComponentChildren }) {
  return (
    <p class={`break ${kind}`}>
      <span>{children}</span>
    </p>
  );
}

function standsWith(before: Message | undefined, message: Message): boolean {
  return (
    before !== undefined &&
    before.author === message.author &&
    before.visibility === message.visibility &&
    dayKey(before.at) === dayKey(message.at) &&
    Date.parse(message.at) - Date.parse(before.at) < TOGETHER
  );
}

/** The names of those on the other side (for a note: among the staff) who have read so far. */
function readersOf(message: Message, members: readonly Member[], marks: Marks | undefined): string {
  const meantForStaff = message.author_role === 'client' || message.visibility === 'staff';
  return members
    .filter(
      (member) => member.id !== message.author && (member.role !== 'client') === meantForStaff,
    )
    .filter((member) => (marks?.[member.id] ?? 0) >= message.id)
    .map((member) => member.name)
    .join(', ');
}

/**
 * The first message that was unread when the topic was opened, if it is loaded; it stays marked
 * while it is open.
 */
function useUnreadDivider(topic: number, me: number, loaded: boolean): number | null {
  const found = useRef<number | null | undefined>(undefined);
  if (found.current === undefined && loaded) {
    const { data } = app.store.get();
    const unread = findTopic(data, topic)?.topic.unread ?? 0;
    const others = (data.threads[topic]?.messages ?? none).filter(
      (each) => each.author !== me && !each.deleted_at,
    );
    const watching = data.account !== null && isGhost(data.account);
    found.current = watching ? null : (others[others.length - unread]?.id ?? null);
  }
  return found.current ?? null;
}

function useScroll(
  ref: { current: HTMLDivElement | null },
  topic: number,
  messages: readonly Message[],
  pending: number,
): { atEnd: boolean; toEnd: () => void } {
  const [atEnd, setAtEnd] = useState(true);
  const place = useRef({ oldest: 0, height: 0, top: 0, pending: 0, atEnd: true });

  const look = useCallback(() => {
    const box = ref.current;
    if (!box) return;
    const end = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
    Object.assign(place.current, { height: box.scrollHeight, top: box.scrollTop, atEnd: end });
    setAtEnd(end);
    const thread = app.store.get().data.threads[topic];
    if (box.scrollTop < NEAR_TOP && thread?.loaded && thread.more)
      void app.reading.loadOlder(topic);
  }, [topic]);

  const toEnd = useCallback(() => ref.current?.scrollTo({ top: ref.current.scrollHeight }), []);

  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    const was = place.current;
    const oldest = messages[0]?.id ?? 0;
    const unread = was.oldest === 0 && oldest !== 0 ? box.querySelector('.break.unread') : null;
    if (unread) unread.scrollIntoView({ block: 'start' });
    else if (was.atEnd || pending > was.pending) box.scrollTop = box.scrollHeight;
    else if (oldest < was.oldest) box.scrollTop = was.top + box.scrollHeight - was.height;
    Object.assign(was, { oldest, pending });
    look();
  }, [messages, pending]);

  useEffect(() => {
    const box = ref.current;
    if (!box) return;
    const resized = new ResizeObserver(() => {
      if (place.current.atEnd) box.scrollTop = box.scrollHeight;
      look();
    });
    resized.observe(box);
    if (box.firstElementChild) resized.observe(box.firstElementChild); // documents change by themselves
    box.addEventListener('scroll', look, { passive: true });
    return () => {
      resized.disconnect();
      box.removeEventListener('scroll', look);
    };
  }, [look]);

  return { atEnd, toEnd };
}

/** Reports the newest message of others as read, while the end is in sight on a visible page. */
function useReadMark(
  topic: number,
  me: number,
  messages: readonly Message[],
  atEnd: boolean,
): void {
  const [visible, setVisible] = useState(document.visibilityState === 'visible');
  useEffect(() => {
    const changed = () => setVisible(document.visibilityState === 'visible');
    document.addEventListener('visibilitychange', changed);
    return () => document.removeEventListener('visibilitychange', changed);
  }, []);
  useEffect(() => {
    if (!visible || !atEnd) return;
    for (let at = messages.length - 1; at >= 0; at--) {
      const message = messages[at]!;
      if (message.author === me) continue;
      app.reading.markRead(topic, message.id);
      return;
    }
  }, [topic, messages, atEnd, visible]);
}

function TypingLine({ topic, members }: { topic: number; members: readonly Member[] }) {
  const words = useWords();
  const typing = usePage((page) => page.data.typing[topic]) ?? none;
  const names = members.filter((member) => typing.includes(member.id)).map((member) => member.name);
  return (
    <p class="typing">{names.length > 0 && words.types(names.join(', '), names.length > 1)}</p>
  );
}

function Announcement({ messages }: { messages: readonly Message[] }) {
  const words = useWords();
  const announced = usePage((page) => page.announced);
  const message = messages.find((each) => each.id === announced);
  return (
    <p class="hidden" aria-live="polite">
      {message && !message.deleted_at && words.newFrom(message.author_name, gist(words, message))}
    </p>
  );
}
