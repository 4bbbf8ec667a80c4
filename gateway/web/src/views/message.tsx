// One message: text with links, documents, marks, and what can be done with it.

import { memo } from 'preact/compat';
import { useState } from 'preact/hooks';
import { app } from '../app';
import { clock, dateAndTime, links } from '../format';
import type { Message } from '../protocol';
import { isStaff, maySeeVersions, type Pending } from '../state';
import { Question } from './dialog';
import { DocumentView } from './document';
import { Icon } from './icons';
import { Menu, MenuItem } from './menu';
import { Redaction } from './redaction';
import { explain, gist, usePage, useWords } from './use';
import { Versions } from './versions';

interface Props {
  message: Message;
  mine: boolean;
  /** At the right: what I wrote, or for one who watches, what the staff wrote. */
  right: boolean;
  /** Not standing together with the message before. */
  first: boolean;
  /** Names of those who have read it, for messages of mine. */
  readers: string;
  mayWrite: boolean;
}

export const MessageView = memo(({ message, mine, right, first, readers, mayWrite }: Props) => {
  const words = useWords();
  const language = usePage((page) => page.language);
  const [sheet, setSheet] = useState<'versions' | 'remove' | 'redact' | null>(null);
  const deleted = message.deleted_at !== null;
  const redacted = message.redacted_at !== null && !deleted;
  const note = message.visibility === 'staff';
  const staff = usePage((page) => page.data.account !== null && isStaff(page.data.account));
  const mayHandle = staff && mayWrite;
  const kind = [
    right && 'right',
    first && 'first',
    note && 'note',
    deleted && 'deleted',
    redacted && 'redacted',
  ]
    .filter(Boolean)
    .join(' ');
  return (
    <article
      class={`message ${kind}`}
      id={`m${message.id}`}
      data-id={message.id}
      data-role={message.author_role}
    >
      <div class="bubble">
        {first && !mine && (
          <p class="author">
            {message.author_name} <span>{words.roles[message.author_role]}</span>
          </p>
        )}
        {note && first && (
          <p class="note-mark">
            <Icon name="note" />
            {words.note}
          </p>
        )}
        {message.reply_to !== null && !deleted && (
          <Quote topic={message.topic} id={message.reply_to} />
        )}
        {deleted && <p class="text">{words.deleted}</p>}
        {redacted && (
          <p class="text" title={dateAndTime(language, message.redacted_at ?? '')}>
            <Icon name="redact" />
            {words.redacted}
          </p>
        )}
        {message.text && <Text text={message.text} />}
        {message.documents.map((document) => (
          <DocumentView
            key={document.id}
            document={document}
            handled={mayHandle && message.author_role === 'client'}
          />
        ))}
        <Meta
          message={message}
          mine={mine}
          readers={readers}
          showVersions={() => setSheet('versions')}
        />
      </div>
      <Actions
        message={message}
        mine={mine}
        mayWrite={mayWrite}
        remove={() => setSheet('remove')}
        redact={() => setSheet('redact')}
      />
      {sheet === 'versions' && <Versions message={message} close={() => setSheet(null)} />}
      {sheet === 'remove' && (
        <Question
          title={words.removeQuestion}
          hint={words.removeHint}
          yes={words.remove}
          danger
          answer={() => void app.writing.remove(message)}
          close={() => setSheet(null)}
        />
      )}
      {sheet === 'redact' && <Redaction message={message} close={() => setSheet(null)} />}
    </article>
  );
});

function Text({ text }: { text: string }) {
  return (
    <p class="text">
      {links(text).map((part) =>
        part.href ? (
          <a href={part.href} target="_blank" rel="noopener noreferrer">
            {part.text}
          </a>
        ) : (
          part.text
        ),
      )}
    </p>
  );
}

/** The message that is answered, in short; a press goes to it when it is loaded. */
export function Quote({ topic, id }: { topic: number; id: number }) {
  const words = useWords();
  const quoted = usePage((page) =>
    page.data.threads[topic]?.messages.find((each) => each.id === id),
  );
  const go = () => {
    const target = document.getElementById(`m${id}`);
    target?.scrollIntoView({ block: 'center', behavior: 'smooth' });
    target?.animate([{ opacity: 0.35 }, { opacity: 1 }], 900);
  };
  return (
    <button type="button" class="quote" onClick={go} disabled={!quoted}>
      {quoted && <strong>{quoted.author_name}</strong>}
      <span>{quoted ? gist(words, quoted) : words.earlierMessage}</span>
    </button>
  );
}

function Meta({
  message,
  mine,
  readers,
  showVersions,
}: {
  message: Message;
  mine: boolean;
  readers: string;
  showVersions: () => void;
}) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const account = usePage((page) => page.data.account)!;
  const settings = usePage((page) => page.data.settings);
  const changedAt = message.deleted_at ?? message.edited_at;
  const mark = message.deleted_at ? words.versions : words.edited;
  return (
    <p class="meta">
      {changedAt &&
        (maySeeVersions(account, settings, message) ? (
          <button
            type="button"
            class="mark"
            title={dateAndTime(language, changedAt)}
            onClick={showVersions}
          >
            {mark}
          </button>
        ) : (
          !message.deleted_at && <span title={dateAndTime(language, changedAt)}>{mark}</span>
        ))}
      {message.imported && <span>{words.imported}</span>}
      <time dateTime={message.at} title={dateAndTime(language, message.at)}>
        {clock(language, message.at)}
      </time>
      {mine && !message.deleted_at && (
        <span
          class={readers ? 'tick read' : 'tick'}
          title={readers ? words.readBy(readers) : words.sent}
        >
          <Icon name={readers ? 'read' : 'check'} />
          <span class="hidden">{readers ? words.readBy(readers) : words.sent}</span>
        </span>
      )}
    </p>
  );
}

function Actions({
  message,
  mine,
  mayWrite,
  remove,
  redact,
}: {
  message: Message;
  mine: boolean;
  mayWrite: boolean;
  remove: () => void;
  redact: () => void;
}) {
  const words = useWords();
  const admin = usePage((page) => page.data.account?.role === 'admin');
  const standing = !message.deleted_at;
  const redactable = admin && !message.redacted_at;
  const copyable = message.text !== null && message.text !== '' && !!navigator.clipboard;
  if (!redactable && !copyable && !(standing && mayWrite)) return null;
  return (
    <Menu icon="more" label={words.actions} class="actions">
      {standing && mayWrite && (
        <MenuItem icon="reply" choose={() => app.writing.reply(message)}>
          {words.reply}
        </MenuItem>
      )}
      {copyable && (
        <MenuItem icon="copy" choose={() => void navigator.clipboard.writeText(message.text ?? '')}>
          {words.copy}
        </MenuItem>
      )}
      {mine && standing && mayWrite && (
        <>
          {!message.redacted_at && (
            <MenuItem icon="edit" choose={() => app.writing.startEdit(message)}>
              {words.edit}
            </MenuItem>
          )}
          <MenuItem icon="remove" danger choose={remove}>
            {words.remove}
          </MenuItem>
        </>
      )}
      {redactable && (
        <MenuItem icon="redact" danger choose={redact}>
          {words.redact}
        </MenuItem>
      )}
    </Menu>
  );
}

export function PendingView({ pending }: { pending: Pending }) {
  const words = useWords();
  const refused = pending.refused !== null;
  const note = pending.visibility === 'staff';
  const kind = ['right first pending', note && 'note', refused && 'refused'];
  return (
    <article class={`message ${kind.filter(Boolean).join(' ')}`}>
      <div class="bubble">
        {pending.text && <Text text={pending.text} />}
        {pending.documents.map((document) => (
          <DocumentView key={document.id} document={document} />
        ))}
        <p class="meta">
          <Icon name={refused ? 'alert' : 'clock'} />
          {refused ? `${words.notSent}. ${explain(words, pending.refused ?? 0)}` : words.sending}
        </p>
        {refused && (
          <p class="refused-actions">
            <button type="button" class="plain" onClick={() => app.writing.retry(pending)}>
              {words.retry}
            </button>
            <button type="button" class="plain" onClick={() => app.writing.takeBack(pending)}>
              {words.takeBack}
            </button>
          </p>
        )}
      </div>
    </article>
  );
}
