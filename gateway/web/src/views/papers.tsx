// The documents of a topic, in a drawer beside it: all of them, or by what the staff made of them.

import { useEffect, useState } from 'preact/hooks';
import { app } from '../app';
import { filterOf, isFromClient, newerOf, type DocumentFilter } from '../documents';
import { dateAndTime } from '../format';
import type { Document } from '../protocol';
import { findTopic } from '../state';
import { Dialog } from './dialog';
import { DocumentView } from './document';
import { Icon } from './icons';
import { useAttempt, usePage, useWords } from './use';

const none: readonly never[] = [];
/** So many are shown at first, and with each wish for more. */
const PAGE = 100;
const filters: DocumentFilter[] = ['all', 'unprocessed', 'processed', 'returned'];

interface Props {
  topic: number;
  /** I may say what became of clients' documents. */
  mayHandle: boolean;
  close: () => void;
}

export function Papers({ topic, mayHandle, close }: Props) {
  const words = useWords();
  const found = usePage((page) => findTopic(page.data, topic));
  const language = usePage((page) => page.language);
  const [filter, setFilter] = useState<DocumentFilter>('all');
  const [most, setMost] = useState(PAGE);
  const { documents, failure } = useDocuments(topic);
  const shown = (documents ?? []).filter((each) => filter === 'all' || filterOf(each) === filter);
  return (
    <Dialog title={words.papers} close={close} kind="drawer">
      <p class="drawer-of">
        {found?.topic.names[language]} · {found?.org.name}
      </p>
      <Filters chosen={filter} choose={setFilter} counts={countsOf(documents ?? none)} />
      {documents === null && !failure && <p class="empty">{words.loading}</p>}
      {documents !== null && shown.length === 0 && (
        <div class="empty">
          <Icon name="papers" />
          <strong>{filter === 'all' ? words.noPapers : words.nonePapers}</strong>
          {filter === 'all' && <span>{words.noPapersHint}</span>}
        </div>
      )}
      <ul class="papers">
        {shown.slice(0, most).map((each) => (
          <Paper
            key={each.id}
            document={each}
            handled={mayHandle && each.message !== null && isFromClient(each)}
            close={close}
          />
        ))}
      </ul>
      {failure}
      {shown.length > most && (
        <footer>
          <button type="button" class="plain" onClick={() => setMost(most + PAGE)}>
            {words.more}
          </button>
        </footer>
      )}
    </Dialog>
  );
}

/** As they are now; asked for again when a message comes or goes. */
function useDocuments(topic: number) {
  const thread = usePage((page) => page.data.threads[topic]);
  const told = usePage((page) => page.data.documents);
  const [documents, setDocuments] = useState<readonly Document[] | null>(null);
  const { attempt, failure } = useAttempt();
  useEffect(
    () => void attempt(async () => setDocuments(await app.handling.list(topic))),
    [topic, thread?.messages],
  );
  const now = documents?.map((each) => newerOf(each, told[each.id] ?? each)) ?? null;
  return { documents: now && now.filter((each) => each.message !== null), failure };
}

function countsOf(documents: readonly Document[]) {
  const counts = { all: documents.length, unprocessed: 0, processed: 0, returned: 0 };
  for (const document of documents) {
    const filter = filterOf(document);
    if (filter) counts[filter]++;
  }
  return counts;
}

interface FiltersProps {
  chosen: DocumentFilter;
  choose: (filter: DocumentFilter) => void;
  counts: Record<DocumentFilter, number>;
}

function Filters({ chosen, choose, counts }: FiltersProps) {
  const words = useWords();
  return (
    <div class="chips" role="group" aria-label={words.papers}>
      {filters.map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={each === chosen}
          onClick={() => choose(each)}
        >
          {words.filters[each]} <span>{counts[each]}</span>
        </button>
      ))}
    </div>
  );
}

interface PaperProps {
  document: Document;
  handled: boolean;
  close: () => void;
}

function Paper({ document, handled, close }: PaperProps) {
  const language = usePage((page) => page.language);
  const { topic, message, uploader_name, at } = document;
  const loaded = usePage(
    (page) => page.data.threads[topic]?.messages.some((each) => each.id === message) ?? false,
  );
  const toMessage = () => {
    close();
    const target = window.document.getElementById(`m${message}`);
    target?.scrollIntoView({ block: 'center' });
    target?.animate([{ opacity: 0.35 }, { opacity: 1 }], 900);
  };
  return (
    <li>
      <p class="paper-from">
        <strong>{uploader_name}</strong> <time dateTime={at}>{dateAndTime(language, at)}</time>
      </p>
      <DocumentView
        document={document}
        handled={handled}
        toMessage={loaded ? toMessage : undefined}
        row
      />
    </li>
  );
}
