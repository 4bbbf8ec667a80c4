// What the staff made of a client's document: the mark that holds, its history, and the menu of what
// else can be done with a document.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { markOf, mayHaveOriginal } from '../documents';
import { dateAndTime, shortDay, size } from '../format';
import type { Document, Mark } from '../protocol';
import { Dialog } from './dialog';
import { DownloadLog } from './download-log';
import { Icon } from './icons';
import { Menu, MenuItem } from './menu';
import { ReasonDialog } from './reason';
import { usePage, useWords } from './use';

/** The mark that holds, and why it was returned; a press shows all of them. */
export function MarkLine({ document }: { document: Document }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const [open, setOpen] = useState(false);
  const mark = markOf(document);
  if (!mark) return null;
  return (
    <div class={`document-mark ${mark.mark}`}>
      <button
        type="button"
        title={dateAndTime(language, mark.at)}
        aria-label={`${words.marks[mark.mark]}, ${mark.by_name}. ${words.markOpen(document.name)}`}
        onClick={() => setOpen(true)}
      >
        <MarkIcon mark={mark} />
        <span>
          <strong>{words.marks[mark.mark]}</strong> · {mark.by_name} · {shortDay(language, mark.at)}
        </span>
      </button>
      {mark.reason && <p>{mark.reason}</p>}
      {open && <MarkHistory document={document} close={() => setOpen(false)} />}
    </div>
  );
}

const MarkIcon = ({ mark: { mark } }: { mark: Mark }) => (
  <Icon name={mark === 'processed' ? 'done' : 'back_to'} />
);

function MarkHistory({ document, close }: { document: Document; close: () => void }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  return (
    <Dialog title={words.markHistory} close={close}>
      <p>{document.name}</p>
      <ol class="marks">
        {[...document.marks].reverse().map((mark) => (
          <li key={mark.at} class={mark.mark}>
            <MarkIcon mark={mark} />
            <div>
              <p>
                <strong>{words.marks[mark.mark]}</strong>
              </p>
              <p class="mark-when">
                {mark.by_name} · <time dateTime={mark.at}>{dateAndTime(language, mark.at)}</time>
              </p>
              {mark.reason && <p>{mark.reason}</p>}
            </div>
          </li>
        ))}
      </ol>
    </Dialog>
  );
}

/** Asks why a document goes back; `dialog` is to be drawn where `ask` is. */
export function useReturning(document: Document) {
  const [asking, setAsking] = useState(false);
  return {
    ask: () => setAsking(true),
    dialog: asking && <Returning document={document} close={() => setAsking(false)} />,
  };
}

function Returning({ document, close }: { document: Document; close: () => void }) {
  const words = useWords();
  return (
    <ReasonDialog
      title={words.returnQuestion}
      yes={words.returnYes}
      act={(reason) => void app.handling.mark(document, 'returned', reason)}
      close={close}
    >
      <p>
        <strong class="document-name">{document.name}</strong>
      </p>
      <p>{words.returnHint}</p>
    </ReasonDialog>
  );
}

interface MenuProps {
  document: Document;
  handled: boolean;
  toMessage?: () => void;
}

/** What there is beside the download; nothing, where there is nothing. */
export function DocumentMenu({ document, handled, toMessage }: MenuProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const account = usePage((page) => page.data.account)!;
  const settings = usePage((page) => page.data.settings);
  const [log, setLog] = useState(false);
  const { ask, dialog } = useReturning(document);
  const mark = markOf(document)?.mark;
  const original = mayHaveOriginal(account, settings, document);
  const admin = account.role === 'admin';
  const again = handled && mark !== undefined;
  if (!original && !admin && !again && !toMessage) return null;
  return (
    <>
      <Menu icon="more" label={words.documentActions(document.name)} class="document-menu">
        {toMessage && (
          <MenuItem icon="chat" choose={toMessage}>
            {words.showMessage}
          </MenuItem>
        )}
        {original && (
          <MenuItem
            icon={document.signed ? 'signed' : 'file'}
            choose={() => void app.handling.download(document, 'original')}
          >
            {words.getOriginal}
            {document.original && ` · ${size(language, document.original.size)}`}
          </MenuItem>
        )}
        {again && mark !== 'processed' && (
          <MenuItem icon="check" choose={() => void app.handling.mark(document, 'processed')}>
            {words.toProcess}
          </MenuItem>
        )}
        {again && (
          <MenuItem icon="back_to" choose={ask}>
            {words.toReturn}
          </MenuItem>
        )}
        {admin && (
          <MenuItem icon="log" choose={() => setLog(true)}>
            {words.downloadLog}
          </MenuItem>
        )}
      </Menu>
      {dialog}
      {log && (
        <DownloadLog
          of={{ document: document.id }}
          name={document.name}
          close={() => setLog(false)}
        />
      )}
    </>
  );
}
