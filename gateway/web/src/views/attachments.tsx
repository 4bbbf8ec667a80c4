// Above the input: the files that the message will carry, those on their way up, and those that did
// not get there.

import { app } from '../app';
import { percent, size } from '../format';
import { TOO_LARGE } from '../http';
import type { Dictionary } from '../i18n';
import { Code, type Document, type Language } from '../protocol';
import type { Draft } from '../storage';
import type { Upload } from '../uploading';
import { Failure, Kind } from './document';
import { Icon } from './icons';
import { explain, useDocument, usePage, useWords } from './use';

const none: readonly never[] = [];

export function Attachments({ topic, draft }: { topic: number; draft: Draft }) {
  const uploads = usePage((page) => page.uploads[topic]) ?? none;
  if (uploads.length + draft.documents.length === 0) return null;
  return (
    <ul class="attachments">
      {draft.documents.map((document) => (
        <Attached key={document.id} topic={topic} document={document} />
      ))}
      {uploads.map((upload) => (
        <OnItsWay key={upload.key} topic={topic} upload={upload} />
      ))}
    </ul>
  );
}

function Attached({ topic, document: told }: { topic: number; document: Document }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const document = useDocument(told);
  const failed = document.state === 'failed';
  return (
    <li class={failed ? 'bad' : ''} data-state={document.state}>
      <div class="attachment">
        <Kind document={document} />
        <span class="document-what">
          <span class="document-name">{document.name}</span>
          <span class="document-facts">
            <span class="document-size">{size(language, document.size)}</span>
            {document.state === 'stamping' && (
              <span class="document-state" role="status">
                <span class="spinner" aria-hidden="true" />
                {words.stamping}
              </span>
            )}
          </span>
        </span>
        <Drop name={document.name} drop={() => app.attaching.detach(topic, document.id)} />
      </div>
      {failed && <Failure document={document} />}
    </li>
  );
}

function OnItsWay({ topic, upload }: { topic: number; upload: Upload }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const most = usePage((page) => page.data.settings.upload_bytes);
  const { file, failed, sent } = upload;
  return (
    <li class={failed === null ? '' : 'bad'}>
      <div class="attachment">
        <Kind document={file} />
        <span class="document-what">
          <span class="document-name">{file.name}</span>
          <span class="document-facts">
            {failed === null ? stage(words, language, upload) : size(language, file.size)}
          </span>
        </span>
        {failed !== null && failed !== TOO_LARGE && failed !== Code.invalidParams && (
          <button
            type="button"
            class="round"
            aria-label={words.tryAgain}
            title={words.tryAgain}
            onClick={() => app.attaching.retry(topic, upload)}
          >
            <Icon name="again" />
          </button>
        )}
        <Drop name={file.name} drop={() => app.attaching.cancel(topic, upload.key)} />
      </div>
      {failed === null ? (
        <progress
          value={sent}
          max={Math.max(1, file.size)}
          aria-label={words.uploading(file.name)}
        />
      ) : (
        <p class="document-trouble" role="alert">
          <Icon name="alert" />
          <span>
            <strong>{words.uploadFailed}.</strong>{' '}
            {whyNot(words, failed, most && size(language, most))}
          </span>
        </p>
      )}
    </li>
  );
}

/** How far it is: so many per cent, and what is left. */
function stage(words: Dictionary, language: Language, upload: Upload): string {
  const { file, sent, queued, stuck } = upload;
  if (queued) return words.queued;
  if (stuck) return words.stuck;
  if (sent >= file.size) return words.finishing;
  return `${percent(sent, file.size)} % · ${words.left(size(language, file.size - sent))}`;
}

function whyNot(words: Dictionary, code: number, most: string | undefined | 0): string {
  if (code === TOO_LARGE) return most ? words.largerThan(most) : words.tooLarge;
  return code === Code.invalidParams ? words.fileRefused : explain(words, code);
}

function Drop({ name, drop }: { name: string; drop: () => void }) {
  const words = useWords();
  return (
    <button
      type="button"
      class="round"
      aria-label={words.removeFile(name)}
      title={words.removeFile(name)}
      onClick={drop}
    >
      <Icon name="close" />
    </button>
  );
}
