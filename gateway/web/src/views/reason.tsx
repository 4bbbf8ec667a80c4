// Asks for a reason before something is done.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from './dialog';
import { useWords } from './use';

interface Props {
  title: string;
  /** The word of the button that does it. */
  yes: string;
  /** It cannot be undone. */
  danger?: boolean;
  /** It may be done without a reason. */
  optional?: boolean;
  /** What it means. */
  children: ComponentChildren;
  act: (reason: string) => void;
  close: () => void;
}

export function ReasonDialog(props: Props) {
  const { title, yes, danger = false, optional = false, children, act, close } = props;
  const words = useWords();
  const [reason, setReason] = useState('');
  const go = (event: Event) => {
    event.preventDefault();
    close();
    act(reason.trim());
  };
  return (
    <Dialog title={title} close={close}>
      <form class="redaction" onSubmit={go}>
        {children}
        <label>
          {optional ? `${words.reason} (${words.optional})` : words.reason}
          <textarea
            rows={2}
            maxLength={500}
            required={!optional}
            autofocus
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <footer>
          <button type="button" class="plain" onClick={close}>
            {words.cancel}
          </button>
          <button
            type="submit"
            class={danger ? 'solid danger' : 'solid'}
            disabled={!optional && reason.trim() === ''}
          >
            {yes}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
