// The picture of a document: fetched when it comes near the window, in a frame that is there before
// it, so that nothing moves when it comes.

import { useEffect, useRef, useState } from 'preact/hooks';
import { app } from '../app';
import type { Document } from '../protocol';
import { Kind } from './document';
import { useWords } from './use';

/** How near. */
const NEAR = '300px';

/** There is a picture, or there will be. */
export const hasFrame = (document: Document): boolean =>
  document.preview || document.state === 'stamping';

interface Props {
  document: Document;
  /** In a list: there is a frame, whether there is a picture or not. */
  small?: boolean;
}

export function Picture({ document, small = false }: Props) {
  return small || hasFrame(document) ? <Frame document={document} small={small} /> : null;
}

function Frame({ document, small }: Props) {
  const words = useWords();
  const frame = useRef<HTMLSpanElement>(null);
  const near = useNear(frame);
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (!near || !document.preview) return;
    let shown = true;
    app.handling.picture(document).then(
      (found) => shown && setAddress(found),
      () => undefined, // the name below it still offers the download, and says what is wrong
    );
    return () => {
      shown = false;
    };
  }, [document.id, document.preview, near]);
  const open = document.state === 'ready';
  return (
    <span
      ref={frame}
      class={small ? 'picture small' : 'picture'}
      onClick={() => open && void app.handling.download(document)}
    >
      {address ? (
        <img src={address} alt={words.image(document.name)} />
      ) : (
        <Kind document={document} />
      )}
    </span>
  );
}

function useNear(frame: { current: Element | null }): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (near || !frame.current) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && setNear(true),
      { rootMargin: NEAR },
    );
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, [near]);
  return near;
}
