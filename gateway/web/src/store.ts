// One value that changes as a whole, and the hook by which a view follows the part of it that it
// shows.

import { useLayoutEffect, useReducer, useRef } from 'preact/hooks';

export class Store<S> {
  private readonly followers = new Set<() => void>();

  constructor(private value: S) {}

  get(): S {
    return this.value;
  }

  update(change: (value: S) => S): void {
    const next = change(this.value);
    if (Object.is(next, this.value)) return;
    this.value = next;
    for (const follower of [...this.followers]) follower();
  }

  follow(follower: () => void): () => void {
    this.followers.add(follower);
    return () => this.followers.delete(follower);
  }
}

/** The selected part; the view is drawn again when it is another object or value than before. */
export function useSelected<S, T>(store: Store<S>, select: (value: S) => T): T {
  const [, redraw] = useReducer((count: number, _: void) => count + 1, 0);
  const selected = select(store.get());
  const latest = useRef({ select, selected });
  latest.current = { select, selected };
  useLayoutEffect(() => {
    const compare = () => {
      const { select, selected } = latest.current;
      if (!Object.is(select(store.get()), selected)) redraw();
    };
    compare();
    return store.follow(compare);
  }, [store]);
  return selected;
}
