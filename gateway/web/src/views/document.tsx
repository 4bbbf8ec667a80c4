// A document: its name and size, a press downloads it; of a picture, the picture too.

import { useEffect, useState } from 'preact/hooks';
import { app } from '../app';
import { size } from '../format';
import { isPicture } from '../files';
import type { Document } from '../protocol';
import { Icon } from './icons';
import { usePage, useWords } from './use';

export function DocumentView({ document }: { document: Document }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  if (document.erased_at)
    return (
      <p class="document gone">
        <span class="document-line">
          <Icon name="file" />
          <span class="document-name">{words.fileErased}</span>
        </span>
      </p>
    );
  return (
    <button
      type="button"
      class="document"
      aria-label={words.download(document.name)}
      onClick={() => void app.attaching.download(document)}
    >
      {isPicture(document) && <Picture document={document} />}
      <span class="document-line">
        <Icon name="file" />
        <span class="document-name">{document.name}</span>
        <span class="document-size">{size(language, document.size)}</span>
        <Icon name="download" />
      </span>
    </button>
  );
}

function Picture({ document }: { document: Document }) {
  const words = useWords();
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    let shown = true;
    app.attaching.picture(document).then(
      (found) => shown && setAddress(found),
      () => undefined, // the line below it still offers the download, and says what is wrong
    );
    return () => {
      shown = false;
    };
  }, [document.id]);
  return (
    <span class="picture">{address && <img src={address} alt={words.image(document.name)} />}</span>
  );
}
