// An admin takes the text of a message out: what that means, and the reason that the journal keeps.

import { useState } from 'preact/hooks';
import { app } from '../app';
import type { Message } from '../protocol';
import { Dialog } from './dialog';
import { useWords } from './use';

export function Redaction({ message, close }: { message: Message; close: () => void }) {
  const words = useWords();
  const [seen] = useState(message); // as it was when the admin decided, whatever comes meanwhile
  const [reason, setReason] = useState('');
  const go = (event: Event) => {
    event.preventDefault();
    close();
    void app.writing.redact(seen, reason.trim());
  };
  return (
    <Dialog title={words.redactQuestion} close={close}>
      <form class="redaction" onSubmit={go}>
        <p>
          {words.redactHint} {message.documents.length > 0 && words.redactFilesStay}
        </p>
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
          <button type="submit" class="solid danger" disabled={reason.trim() === ''}>
            {words.redact}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
