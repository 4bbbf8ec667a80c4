// For admins: the logo that is stamped, what files are taken, and who is told of unread messages.

import { useEffect, useRef, useState } from 'preact/hooks';
import { app } from '../app';
import { hasTypes, isLogo, typeGroups, withTypes } from '../firm';
import type { FirmSettings, LogoReply } from '../protocol';
import { Dialog } from './dialog';
import { Icon } from './icons';
import { useAttempt, usePage, useWords } from './use';

const MEGABYTE = 1024 * 1024;

export function FirmSheet() {
  const words = useWords();
  return (
    <Dialog title={words.firm} close={() => app.open(null)} kind="wide">
      <LogoPart />
      <SettingsPart />
    </Dialog>
  );
}

function LogoPart() {
  const words = useWords();
  const told = usePage((page) => page.data.jobsSeal);
  const [reply, setReply] = useState<LogoReply | null>(null);
  const [wrong, setWrong] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const { attempt, failure } = useAttempt();
  useEffect(() => void attempt(async () => setReply(await app.firm.logo())), [told]);
  const choose = (file: File | undefined) => {
    setWrong(file !== undefined && !isLogo(file));
    if (file && isLogo(file)) void attempt(async () => setReply(await app.firm.setLogo(file)));
  };
  return (
    <section class="firm" aria-label={words.logo}>
      <h3>{words.logo}</h3>
      <p>{words.logoHint}</p>
      <div class="logo-line">
        <span class="logo-now">
          {reply?.current ? (
            <img src={`data:image/png;base64,${reply.current.image}`} alt={words.logoNow} />
          ) : (
            <span>{reply ? words.logoNone : words.loading}</span>
          )}
        </span>
        <button type="button" class="plain" onClick={() => field.current?.click()}>
          {words.logoChoose}
        </button>
        <input
          ref={field}
          type="file"
          accept="image/png,image/svg+xml"
          hidden
          onChange={(event) => {
            choose(event.currentTarget.files?.[0]);
            event.currentTarget.value = '';
          }}
        />
      </div>
      <LogoState reply={reply} wrong={wrong} />
      {failure}
    </section>
  );
}

/** What became of the newest logo; of one that was there from the start, nothing. */
function LogoState({ reply, wrong }: { reply: LogoReply | null; wrong: boolean }) {
  const words = useWords();
  const first = useRef<number | null | undefined>(undefined);
  const logo = reply?.logo ?? null;
  if (first.current === undefined && reply) first.current = logo?.id ?? null;
  const bad = wrong || logo?.state === 'failed';
  const text = wrong
    ? words.logoWrong
    : logo?.state === 'checking'
      ? words.logoChecking
      : logo?.state === 'failed'
        ? words.logoFailed
        : logo && logo.id !== first.current
          ? words.logoReady
          : null;
  return (
    <div role="status">
      {text && (
        <p class={bad ? 'tip bad' : 'tip'}>
          {logo?.state === 'checking' && !wrong ? (
            <span class="spinner" aria-hidden="true" />
          ) : (
            <Icon name={bad ? 'alert' : 'check'} />
          )}
          {text}
        </p>
      )}
    </div>
  );
}

function SettingsPart() {
  const words = useWords();
  const [before, setBefore] = useState<FirmSettings | null>(null);
  const [after, setAfter] = useState<FirmSettings | null>(null);
  const [saved, setSaved] = useState(false);
  const { attempt, failure } = useAttempt();
  const load = () =>
    attempt(async () => {
      const settings = await app.firm.settings();
      setBefore(settings);
      setAfter(settings);
    });
  useEffect(() => void load(), []);
  const put = (part: Partial<FirmSettings>) => {
    setSaved(false);
    if (after) setAfter({ ...after, ...part });
  };
  const save = (event: Event) => {
    event.preventDefault();
    if (!before || !after) return;
    void attempt(async () => {
      await app.firm.change(before, after);
      setBefore(after);
      setSaved(true);
    });
  };
  if (!after) return failure ? <>{failure}</> : <p class="empty">{words.loading}</p>;
  return (
    <form class="firm" onSubmit={save}>
      <FilesPart settings={after} put={put} />
      <NoticesPart settings={after} put={put} />
      {saved && (
        <p class="tip" role="status">
          <Icon name="check" />
          {words.saved}
        </p>
      )}
      {failure}
      <footer>
        <button type="submit" class="solid">
          {words.save}
        </button>
      </footer>
    </form>
  );
}

interface PartProps {
  settings: FirmSettings;
  put: (part: Partial<FirmSettings>) => void;
}

function FilesPart({ settings, put }: PartProps) {
  const words = useWords();
  return (
    <fieldset>
      <legend>{words.filesTitle}</legend>
      <label class="field">
        {words.largestFile}
        <input
          type="number"
          min={1}
          required
          value={Math.round(settings.upload_bytes / MEGABYTE)}
          onInput={(event) =>
            put({ upload_bytes: Math.max(1, Number(event.currentTarget.value)) * MEGABYTE })
          }
        />
      </label>
      <TypesPart settings={settings} put={put} />
      <Switch
        on={settings.office_to_pdf}
        set={(office_to_pdf) => put({ office_to_pdf })}
        label={words.officeToPdf}
        hint={words.officeToPdfHint}
      />
    </fieldset>
  );
}

function TypesPart({ settings: { upload_types }, put }: PartProps) {
  const words = useWords();
  return (
    <div class="field" role="group" aria-label={words.allowedTypes}>
      {words.allowedTypes}
      <div class="chips">
        {typeGroups.map((group) => {
          const on = hasTypes(upload_types, group);
          return (
            <button
              key={group}
              type="button"
              aria-pressed={on}
              onClick={() => put({ upload_types: withTypes(upload_types, group, !on) })}
            >
              {on && <Icon name="check" />}
              {words.typeGroups[group]}
            </button>
          );
        })}
      </div>
      <details>
        <summary>{words.exactTypes}</summary>
        <textarea
          rows={5}
          spellcheck={false}
          aria-label={words.exactTypes}
          value={upload_types}
          onInput={(event) => put({ upload_types: event.currentTarget.value })}
        />
        <span>{words.exactTypesHint}</span>
      </details>
    </div>
  );
}

function NoticesPart({ settings, put }: PartProps) {
  const words = useWords();
  return (
    <fieldset>
      <legend>{words.noticesTitle}</legend>
      <p>{words.noticesHint}</p>
      <Switch
        on={settings.notify_by_mail}
        set={(notify_by_mail) => put({ notify_by_mail })}
        label={words.byMail}
      />
      <Switch
        on={settings.notify_by_webhook}
        set={(notify_by_webhook) => put({ notify_by_webhook })}
        label={words.byWebhook}
      />
      <label class="field">
        {words.afterMinutes}
        <input
          type="number"
          min={1}
          required
          value={Math.round(settings.notify_after_seconds / 60)}
          onInput={(event) =>
            put({ notify_after_seconds: Math.max(1, Number(event.currentTarget.value)) * 60 })
          }
        />
      </label>
    </fieldset>
  );
}

interface SwitchProps {
  on: boolean;
  set: (on: boolean) => void;
  label: string;
  hint?: string;
}

function Switch({ on, set, label, hint }: SwitchProps) {
  return (
    <button type="button" role="switch" aria-checked={on} class="setting" onClick={() => set(!on)}>
      <span>
        {label}
        {hint && <span class="setting-hint">{hint}</span>}
      </span>
      <span class="switch" aria-hidden="true" />
    </button>
  );
}
