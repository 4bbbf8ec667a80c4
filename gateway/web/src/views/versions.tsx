// The history of one message: each version with what changed in it, word by word. Opening it is
// journaled by the server.

import { useEffect, useState } from 'preact/hooks';
import { app } from '../app';
import { diffWords } from '../diff';
import { dateAndTime } from '../format';
import type { Message, Version } from '../protocol';
import { Dialog } from './dialog';
import { usePage, useWords } from './use';

export function Versions({ message, close }: { message: Message; close: () => void }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const [versions, setVersions] = useState<Version[] | null>(null);
  useEffect(() => {
    app.reading.versions(message).then(setVersions);
  }, [message.version]);
  return (
    <Dialog title={words.versions} close={close} wide>
      {versions === null && <p class="empty">{words.loading}</p>}
      <ol class="versions">
        {versions?.map((each, at) => (
          <li key={each.version} data-version={each.version}>
            <p class="version-head">
              <strong>{at === 0 ? words.original : words.versionOf(each.version)}</strong>
              <span>
                {each.author_name} · {words.operations[each.operation]} ·{' '}
                {dateAndTime(language, each.at)}
              </span>
            </p>
            {each.operation !== 'delete' && (
              <Difference before={versions[at - 1]?.text ?? null} after={each.text ?? ''} />
            )}
          </li>
        ))}
      </ol>
    </Dialog>
  );
}

function Difference({ before, after }: { before: string | null; after: string }) {
  const words = useWords();
  if (before === null) return <p class="text">{after}</p>;
  return (
    <p class="text">
      {diffWords(before, after).map(({ kind, text }) => {
        if (kind === 'added') return <ins aria-label={words.added}>{text}</ins>;
        if (kind === 'removed') return <del aria-label={words.removed}>{text}</del>;
        return text;
      })}
    </p>
  );
}
