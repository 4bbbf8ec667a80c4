// A new password for the old one.

import { useEffect, useRef, useState } from 'preact/hooks';
import { app } from '../app';
import type { PasswordFailure } from '../devices';
import { relative } from '../format';
import type { Dictionary } from '../i18n';
import type { Language } from '../protocol';
import { Dialog } from './dialog';
import { Icon } from './icons';
import { explain, usePage, useWords } from './use';

export function Password() {
  const words = useWords();
  const [changed, setChanged] = useState(false);
  const close = () => app.devices.close();
  return (
    <Dialog title={words.changePassword} close={close}>
      <div role="status" class="said">
        {changed && (
          <p class="tip">
            <Icon name="check" />
            {words.passwordChanged}
          </p>
        )}
      </div>
      {changed ? <Done close={close} /> : <Form changed={() => setChanged(true)} close={close} />}
    </Dialog>
  );
}

function Done({ close }: { close: () => void }) {
  const words = useWords();
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <footer>
      <button type="button" class="solid" ref={button} onClick={close}>
        {words.close}
      </button>
    </footer>
  );
}

function Form({ changed, close }: { changed: () => void; close: () => void }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const login = usePage((page) => page.data.account?.login ?? '');
  const [old, setOld] = useState('');
  const [password, setPassword] = useState('');
  const [repeated, setRepeated] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<PasswordFailure | null>(null);

  const go = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const failed = await app.devices.changePassword(old, password, repeated);
    setBusy(false);
    setFailure(failed);
    if (failed === null) changed();
  };

  return (
    <form class="password" onSubmit={(event) => void go(event)}>
      {/* For password managers: whose password it is. */}
      <input
        class="hidden"
        autocomplete="username"
        value={login}
        readOnly
        tabIndex={-1}
        aria-hidden
      />
      <Field label={words.oldPassword} kind="current-password" value={old} put={setOld} first />
      <Field label={words.newPassword} kind="new-password" value={password} put={setPassword}>
        {words.passwordRules}
      </Field>
      <Field label={words.repeatPassword} kind="new-password" value={repeated} put={setRepeated} />
      <p>{words.passwordEndsOthers}</p>
      <div role="alert">
        {failure && (
          <p class="tip bad">
            <Icon name="alert" />
            {explainPassword(words, language, failure)}
          </p>
        )}
      </div>
      <footer>
        <button type="button" class="plain" onClick={close}>
          {words.cancel}
        </button>
        <button type="submit" class="solid" disabled={busy}>
          {words.save}
        </button>
      </footer>
    </form>
  );
}

interface FieldProps {
  label: string;
  kind: 'current-password' | 'new-password';
  value: string;
  put: (value: string) => void;
  /** Has the focus when the dialog opens. */
  first?: boolean;
  children?: string;
}

function Field({ label, kind, value, put, first, children: hint }: FieldProps) {
  return (
    <label>
      {label}
      <input
        type="password"
        autocomplete={kind}
        required
        autofocus={first}
        value={value}
        onInput={(event) => put(event.currentTarget.value)}
      />
      {hint && <span>{hint}</span>}
    </label>
  );
}

function explainPassword(words: Dictionary, language: Language, failure: PasswordFailure): string {
  if (typeof failure === 'string') return words[failure];
  if ('wait' in failure) return words.throttled(relative(language, failure.wait));
  return explain(words, failure.code);
}
