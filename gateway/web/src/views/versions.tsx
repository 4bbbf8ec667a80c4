// The history of one message: each version with what changed in it, word by word, as the server
// tells it, and the files of a message that was deleted. Opening it is journaled by the server.

import { useEffect, useState } from 'preact/hooks';
import { app } from '../app';
import { dateAndTime } from '../format';
import type { Message, Version, VersionsReply } from '../protocol';
import { Dialog } from './dialog';
import { DocumentView } from './document';
import { Icon } from './icons';
import { usePage, useWords } from './use';

export function Versions({ message, close }: { message: Message; close: () => void }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const [reply, setReply] = useState<VersionsReply | null>(null);
  useEffect(() => {
    app.reading.versions(message).then(setReply);
  }, [message.version, message.redacted_at]);
  const documents = message.deleted_at ? (reply?.documents ?? []) : [];
  return (
    <Dialog title={words.versions} close={close} kind="wide">
      {reply === null && <p class="empty">{words.loading}</p>}
      <ol class="versions">
        {reply?.versions.map((each, at) => (
          <li key={each.version} data-version={each.version}>
            <p class="version-head">
              <strong>{at === 0 ? words.original : words.versionOf(each.version)}</strong>
              <span>
                {each.author_name} · {words.operations[each.operation]} ·{' '}
                {dateAndTime(language, each.at)}
              </span>
            </p>
            {each.operation !== 'delete' && <Text version={each} />}
          </li>
        ))}
      </ol>
      {documents.length > 0 && (
        <section class="version-documents">
          <h3>{words.documents}</h3>
          {documents.map((each) => (
            <DocumentView key={each.id} document={each} />
          ))}
        </section>
      )}
    </Dialog>
  );
}

function Text({ version: { text, diff } }: { version: Version }) {
  const words = useWords();
  if (text === null)
    return (
      <p class="text taken-out">
        <Icon name="redact" />
        {words.redacted}
      </p>
    );
  if (diff === null) return <p class="text">{text}</p>;
  return (
    <p class="text">
      {diff.map(({ op, text: part }) => {
        if (op === 'add') return <ins aria-label={words.added}>{part}</ins>;
        if (op === 'remove') return <del aria-label={words.removed}>{part}</del>;
        return part;
      })}
    </p>
  );
}
