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
  /** What it means. */
  children: ComponentChildren;
  act: (reason: string) => void;
  close: () => void;
}

export function ReasonDialog({ title, yes, danger = false, children, act, close }: Props) {
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
          {words.reason}
          <textarea
            rows={2}
            maxLength={500}
            required
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
            disabled={reason.trim() === ''}
          >
            {yes}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
