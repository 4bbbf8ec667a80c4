// Questions and sheets above the page: the browser's own modal dialog, which keeps the focus
// inside.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Icon } from './icons';
import { useWords } from './use';

interface Props {
  title: string;
  close: () => void;
  kind?: 'wide' | 'drawer';
  children: ComponentChildren;
}

export function Dialog({ title, close, kind, children }: Props) {
  const words = useWords();
  const id = useId(); // one may be above another
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class={kind}
      aria-labelledby={id}
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div class="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="round" aria-label={words.cancel} onClick={close}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface QuestionProps {
  title: string;
  hint: string;
  yes: string;
  danger?: boolean;
  answer: () => void;
  close: () => void;
}

export function Question({ title, hint, yes, danger, answer, close }: QuestionProps) {
  const words = useWords();
  const agree = () => {
    close();
    answer();
  };
  return (
    <Dialog title={title} close={close}>
      <p>{hint}</p>
      <footer>
        <button type="button" class="plain" onClick={close}>
          {words.cancel}
        </button>
        <button type="button" class={danger ? 'solid danger' : 'solid'} onClick={agree}>
          {yes}
        </button>
      </footer>
    </Dialog>
  );
}
