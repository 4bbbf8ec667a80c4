// Where one writes: the text (a draft kept as it is typed), what it answers or changes, and files.

import { useLayoutEffect, useRef } from 'preact/hooks';
import { app } from '../app';
import { size } from '../format';
import { LONGEST_TEXT } from '../protocol';
import { isStaff } from '../state';
import { noDraft, type Draft } from '../storage';
import { Attachments } from './attachments';
import { Icon } from './icons';
import { Quote } from './message';
import { usePage, useWords } from './use';

const none: readonly never[] = [];
const TALLEST = 180;

export function Composer({ topic }: { topic: number }) {
  const words = useWords();
  const draft = usePage((page) => page.drafts[topic]) ?? noDraft;
  const staff = usePage((page) => page.data.account !== null && isStaff(page.data.account));
  const uploading = usePage((page) => page.uploads[topic]) ?? none;
  const language = usePage((page) => page.language);
  const most = usePage((page) => page.data.settings.upload_bytes);
  const files = useRef<HTMLInputElement>(null);
  const attach = most ? words.attachUpTo(size(language, most)) : words.attach;
  const { edit } = draft;
  const text = edit ? edit.text : draft.text;
  const note = draft.note && !edit;
  const excess = text.length > LONGEST_TEXT ? [...text].length - LONGEST_TEXT : 0;
  const something = text.trim() !== '' || (!edit && draft.documents.length > 0);
  const ready = something && excess <= 0 && (edit !== null || uploading.length === 0);
  const input = useInput(topic, text, draft);

  const put = (part: Partial<Draft>) => app.writing.patchDraft(topic, part);
  const type = (value: string) => {
    put(edit ? { edit: { ...edit, text: value } } : { text: value });
    if (!edit && !note && value.trim() !== '') app.writing.typing(topic);
  };
  const go = () => {
    if (!ready) return;
    if (edit) void app.writing.saveEdit(topic);
    else app.writing.send(topic);
    input.current?.focus();
  };
  const keyed = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      go();
    } else if (event.key === 'Escape' && (edit || draft.reply_to !== null)) {
      put({ edit: null, reply_to: null });
    }
  };
  const pasted = (event: ClipboardEvent) => {
    const pastedFiles = event.clipboardData?.files;
    if (!pastedFiles?.length || edit) return;
    event.preventDefault();
    app.attaching.attach(topic, pastedFiles);
  };

  return (
    <form
      class={note ? 'composer as-note' : 'composer'}
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
    >
      <Context topic={topic} draft={draft} put={put} />
      {!edit && <Attachments topic={topic} draft={draft} />}
      {excess > 0 && (
        <p class="tip bad" role="alert">
          <Icon name="alert" />
          {words.tooLong(excess)}
        </p>
      )}
      <div class="composer-line">
        {!edit && (
          <>
            <button
              type="button"
              class="round"
              aria-label={words.attach}
              title={attach}
              onClick={() => files.current?.click()}
            >
              <Icon name="attach" />
            </button>
            <input
              ref={files}
              type="file"
              multiple
              hidden
              onChange={(event) => {
                app.attaching.attach(topic, event.currentTarget.files ?? []);
                event.currentTarget.value = '';
              }}
            />
            {staff && (
              <button
                type="button"
                class="round note-switch"
                aria-pressed={note}
                aria-label={words.asNote}
                title={words.asNoteHint}
                onClick={() => put({ note: !draft.note })}
              >
                <Icon name="note" />
              </button>
            )}
          </>
        )}
        <textarea
          ref={input}
          rows={1}
          enterkeyhint="send"
          placeholder={note ? words.writeNote : words.write}
          aria-label={note ? words.writeNote : words.write}
          value={text}
          onInput={(event) => type(event.currentTarget.value)}
          onKeyDown={keyed}
          onPaste={pasted}
        />
        <button
          type="submit"
          class="round send"
          disabled={!ready}
          aria-label={edit ? words.save : words.send}
          title={edit ? words.save : uploading.length > 0 ? words.sendLater : words.send}
        >
          <Icon name={edit ? 'check' : 'send'} />
        </button>
      </div>
    </form>
  );
}

/**
 * The text field: as tall as its text, and focused when a reply or an edit begins, or on wide
 * screens.
 */
function useInput(topic: number, text: string, draft: Draft) {
  const input = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const field = input.current;
    if (!field) return;
    field.style.height = 'auto';
    field.style.height = `${Math.min(field.scrollHeight, TALLEST)}px`;
  }, [text]);
  useLayoutEffect(() => {
    const asked = draft.edit !== null || draft.reply_to !== null;
    if (asked || matchMedia('(hover: hover) and (min-width: 760px)').matches)
      input.current?.focus();
  }, [topic, draft.edit?.message, draft.reply_to]);
  return input;
}

/** Above the text: the message being changed, or answered. */
function Context({
  topic,
  draft,
  put,
}: {
  topic: number;
  draft: Draft;
  put: (part: Partial<Draft>) => void;
}) {
  const words = useWords();
  const { edit, reply_to } = draft;
  if (!edit && reply_to === null) return null;
  return (
    <div class="context">
      <Icon name={edit ? 'edit' : 'reply'} />
      {edit ? (
        <div>
          <strong>{words.editing}</strong>
          {edit.newer !== null && (
            <div class="newer" role="alert">
              <p>{words.staleEdit}</p>
              <blockquote>{edit.newer}</blockquote>
              <p>{words.staleEditHint}</p>
            </div>
          )}
        </div>
      ) : (
        <Quote topic={topic} id={reply_to ?? 0} />
      )}
      <button
        type="button"
        class="round"
        aria-label={words.cancel}
        title={words.cancel}
        onClick={() => put(edit ? { edit: null } : { reply_to: null })}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}
