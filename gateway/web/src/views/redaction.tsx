// An admin takes the text of a message out: what that means, and the reason that the journal keeps.

import { useState } from 'preact/hooks';
import { app } from '../app';
import type { Message } from '../protocol';
import { ReasonDialog } from './reason';
import { useWords } from './use';

export function Redaction({ message, close }: { message: Message; close: () => void }) {
  const words = useWords();
  const [seen] = useState(message); // as it was when the admin decided, whatever comes meanwhile
  return (
    <ReasonDialog
      title={words.redactQuestion}
      yes={words.redact}
      danger
      act={(reason) => void app.writing.redact(seen, reason)}
      close={close}
    >
      <p>
        {words.redactHint} {message.documents.length > 0 && words.redactFilesStay}
      </p>
    </ReasonDialog>
  );
}
