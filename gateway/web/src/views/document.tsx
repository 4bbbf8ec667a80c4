// A document as it stands in a message, in a list, or above the input: what it is, what has become of
// it, and what can be done with it.

import { app } from '../app';
import { kindOf, percent, size } from '../format';
import { downloadKey } from '../handling';
import type { Document } from '../protocol';
import { isStaff } from '../state';
import { DocumentMenu, MarkLine, useReturning } from './document-marks';
import { Icon } from './icons';
import { hasFrame, Picture } from './picture';
import { useDocument, usePage, useWords } from './use';

interface Props {
  document: Document;
  /** A client has given it, and I may say what became of it. */
  handled?: boolean;
  /** With less around it, for lists. */
  row?: boolean;
  /** Goes to the message that carries it. */
  toMessage?: () => void;
}

export function DocumentView({ document: told, handled = false, row = false, toMessage }: Props) {
  const document = useDocument(told);
  if (document.erased_at) return <Gone />;
  const open = document.state === 'ready';
  const badge = !row && !hasFrame(document); // there, the picture says as much
  return (
    <div class={row ? 'document as-row' : 'document'} data-state={document.state}>
      {!row && <Picture document={document} />}
      <div class="document-top">
        {row && <Picture document={document} small />}
        {open ? (
          <Download document={document} badge={badge} />
        ) : (
          <Line document={document} badge={badge} />
        )}
        <DocumentMenu document={document} handled={handled} toMessage={toMessage} />
      </div>
      {document.state === 'failed' && <Failure document={document} />}
      {document.signed && open && <Signed />}
      <MarkLine document={document} />
      {handled && document.marks.length === 0 && <Handle document={document} />}
    </div>
  );
}

function Gone() {
  const words = useWords();
  return (
    <p class="document gone">
      <span class="document-line">
        <Icon name="file" />
        <span class="document-what">{words.fileErased}</span>
      </span>
    </p>
  );
}

function Download({ document, badge }: { document: Document; badge: boolean }) {
  const words = useWords();
  const came = usePage((page) => page.downloads[downloadKey(document, 'file')]);
  return (
    <button
      type="button"
      class="document-open"
      aria-label={words.download(document.name)}
      onClick={() => void app.handling.download(document)}
    >
      <Line document={document} badge={badge} />
      {came === undefined ? (
        <Icon name="download" />
      ) : (
        <span class="document-percent">{words.downloading(percent(came, document.size))}</span>
      )}
    </button>
  );
}

/** Its kind, name, size, and what is being made of it. */
function Line({ document, badge }: { document: Document; badge: boolean }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const staff = usePage((page) => page.data.account !== null && isStaff(page.data.account));
  const kind = kindOf(document.type, document.name);
  return (
    <span class="document-line">
      {badge && <Kind document={document} />}
      <span class="document-what">
        <span class="document-name" title={document.name}>
          {document.name}
        </span>
        <span class="document-facts">
          {!badge && kind && <span>{kind}</span>}
          <span class="document-size">{size(language, document.size)}</span>
          {document.state === 'stamping' && (
            <span class="document-state" role="status">
              <span class="spinner" aria-hidden="true" />
              {staff ? words.stamping : words.preparing}
            </span>
          )}
          {document.stamped && (
            <span class="document-state">
              <Icon name="stamp" />
              {words.stamped}
            </span>
          )}
        </span>
      </span>
    </span>
  );
}

/** The kind of file in a few letters, on its colour. */
export function Kind({ document: { type, name } }: { document: Pick<Document, 'type' | 'name'> }) {
  const kind = kindOf(type, name);
  const family = type.startsWith('image/') ? 'image' : kind.slice(0, 3).toLowerCase();
  return (
    <span class="kind" data-kind={family} aria-hidden="true">
      {kind || <Icon name="file" />}
    </span>
  );
}

/** Why it cannot be had; whoever may upload it again is told what to do. */
export function Failure({ document }: { document: Document }) {
  const words = useWords();
  const staff = usePage((page) => page.data.account !== null && isStaff(page.data.account));
  const reason = document.reason && words.reasons[document.reason];
  return (
    <p class="document-trouble">
      <Icon name="alert" />
      {staff ? (
        <span>
          <strong>{words.notStamped}.</strong> {reason ?? words.reasonUnknown}
        </span>
      ) : (
        <span>{words.notStampedOther}</span>
      )}
    </p>
  );
}

function Signed() {
  const words = useWords();
  return (
    <p class="document-signed">
      <Icon name="signed" />
      <span>
        <strong>{words.signedOriginal}.</strong> {words.signedHint}
      </span>
    </p>
  );
}

/** A client's document that nobody has looked at yet. */
function Handle({ document }: { document: Document }) {
  const words = useWords();
  const { ask, dialog } = useReturning(document);
  return (
    <>
      <p class="document-handle">
        <button
          type="button"
          class="plain"
          onClick={() => void app.handling.mark(document, 'processed')}
        >
          <Icon name="check" />
          {words.toProcess}
        </button>
        <button type="button" class="plain" onClick={ask}>
          <Icon name="back_to" />
          {words.toReturn}
        </button>
      </p>
      {dialog}
    </>
  );
}
