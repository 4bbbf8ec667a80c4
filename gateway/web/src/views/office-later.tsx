// Figures and pay come as a part of their own, when they are first opened: clients never need it.

import { useEffect, useState } from 'preact/hooks';
import type { Office as Place } from '../page';
import { Icon } from './icons';
import { useWords } from './use';

type View = typeof import('./office').Office;
let loaded: View | null = null;

export function OfficeLater({ place }: { place: Place }) {
  const words = useWords();
  const [Office, setOffice] = useState<View | null>(() => loaded);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (Office) return;
    import('./office').then(
      (part) => {
        loaded = part.Office;
        setOffice(() => part.Office);
      },
      () => setFailed(true),
    );
  }, []);
  if (Office) return <Office place={place} />;
  return (
    <main class="office">
      <div class="empty">
        {failed ? (
          <>
            <Icon name="alert" />
            <span>{words.failed}</span>
            <button type="button" class="plain" onClick={() => location.reload()}>
              {words.tryAgain}
            </button>
          </>
        ) : (
          <span>{words.loading}</span>
        )}
      </div>
    </main>
  );
}
