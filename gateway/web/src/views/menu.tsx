// A button that opens a small list beside it, inside the window: below it, or above where there is
// more room. It closes on choice, on Escape, and when anything else is touched or scrolled.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icons';

/** Pixels that stay free at the window's edge. */
const EDGE = 8;

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

  useLayoutEffect(() => {
    const list = box.current?.querySelector<HTMLElement>('[role=menu]');
    const anchor = button.current?.getBoundingClientRect();
    if (!list || !anchor) return;
    const above =
      anchor.bottom + list.offsetHeight + EDGE > innerHeight && anchor.top > innerHeight / 2;
    const left = anchor.left < innerWidth / 2 ? anchor.left : anchor.right - list.offsetWidth;
    list.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - list.offsetWidth - EDGE))}px`;
    list.style.top = `${above ? anchor.top - list.offsetHeight : anchor.bottom}px`;
  }, [open]);

  useEffect(() => {
    if (!open) return;
    const shut = () => setOpen(false);
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) shut();
    };
    addEventListener('pointerdown', outside);
    addEventListener('focusin', outside);
    addEventListener('scroll', shut, true);
    addEventListener('resize', shut);
    box.current?.querySelector<HTMLElement>('[role^=menuitem]')?.focus({ preventScroll: true });
    return () => {
      removeEventListener('pointerdown', outside);
      removeEventListener('focusin', outside);
      removeEventListener('scroll', shut, true);
      removeEventListener('resize', shut);
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
  /** Of several, the one that holds. */
  chosen?: boolean;
  /** By itself on or off. */
  checked?: boolean;
  choose: () => void;
  children: ComponentChildren;
}

export function MenuItem({ icon, danger, chosen, checked, choose, children }: ItemProps) {
  const kind = checked !== undefined ? 'checkbox' : chosen !== undefined ? 'radio' : '';
  return (
    <button
      type="button"
      role={`menuitem${kind}`}
      aria-checked={checked ?? chosen}
      class={danger ? 'danger' : ''}
      onClick={choose}
    >
      {icon && <Icon name={icon} />}
      <span>{children}</span>
      {checked !== undefined && <span class="switch" aria-hidden="true" />}
      {chosen && <Icon name="check" />}
    </button>
  );
}
