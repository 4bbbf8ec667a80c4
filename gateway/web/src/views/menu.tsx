// A button that opens a small list: closes on choice, on Escape, and when the focus leaves it.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icons';

interface Props {
  icon: IconName;
  label: string;
  class?: string;
  children: ComponentChildren;
}

export function Menu({ icon, label, class: name = '', children }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('pointerdown', outside);
    addEventListener('focusin', outside);
    box.current?.querySelector<HTMLElement>('[role^=menuitem]')?.focus();
    return () => {
      removeEventListener('pointerdown', outside);
      removeEventListener('focusin', outside);
    };
  }, [open]);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') {
      setOpen(false);
      button.current?.focus();
    } else if (step && open) {
      event.preventDefault();
      const items = [...(box.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])];
      const at = items.indexOf(document.activeElement as HTMLElement);
      items[(at + step + items.length) % items.length]?.focus();
    }
  };

  return (
    <div class={`menu ${name}`} ref={box} onKeyDown={onKeyDown} data-open={open}>
      <button
        type="button"
        class="round"
        ref={button}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} />
      </button>
      {open && (
        <div class="menu-list" role="menu" aria-label={label} onClick={() => setOpen(false)}>
          {children}
        </div>
      )}
    </div>
  );
}

interface ItemProps {
  icon?: IconName;
  danger?: boolean;
  chosen?: boolean;
  choose: () => void;
  children: ComponentChildren;
}

export function MenuItem({ icon, danger, chosen, choose, children }: ItemProps) {
  return (
    <button
      type="button"
      role={chosen === undefined ? 'menuitem' : 'menuitemradio'}
      aria-checked={chosen}
      class={danger ? 'danger' : ''}
      onClick={choose}
    >
      {icon && <Icon name={icon} />}
      <span>{children}</span>
      {chosen && <Icon name="check" />}
    </button>
  );
}
