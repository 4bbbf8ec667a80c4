// For admins: who looked at or downloaded what, when and from where; of one document, or of a person
// or everybody.

import { useEffect, useState } from 'preact/hooks';
import { app } from '../app';
import { PAGE, type LogOf } from '../firm';
import { dateAndTime, deviceName } from '../format';
import type { Account, LogEntry } from '../protocol';
import { Dialog } from './dialog';
import { Icon } from './icons';
import { useAttempt, usePage, useWords } from './use';

interface Props {
  of: LogOf;
  /** The document's; without it, one chooses whose log it is. */
  name?: string;
  close: () => void;
}

export function DownloadLog({ of, name, close }: Props) {
  const words = useWords();
  const [account, setAccount] = useState(of.account);
  const [entries, setEntries] = useState<LogEntry[] | null>(null);
  const [more, setMore] = useState(false);
  const { attempt, failure } = useAttempt();
  const load = (known: LogEntry[]) =>
    attempt(async () => {
      const page = await app.firm.log({ ...of, account }, known.at(-1)?.id);
      setEntries([...known, ...page]);
      setMore(page.length === PAGE);
    });
  useEffect(() => {
    setEntries(null);
    void load([]);
  }, [account]);
  return (
    <Dialog title={name ? words.logOf(name) : words.downloads} close={close} kind="wide">
      <p>{words.logHint}</p>
      {!name && <Person account={account} choose={setAccount} />}
      {entries === null && failure === null && <p class="empty">{words.loading}</p>}
      {entries?.length === 0 && <p class="empty">{words.noLog}</p>}
      <ol class="log">
        {entries?.map((entry) => (
          <Entry key={entry.id} entry={entry} named={!name} />
        ))}
      </ol>
      {failure}
      {more && (
        <footer>
          <button type="button" class="plain" onClick={() => void load(entries ?? [])}>
            {words.more}
          </button>
        </footer>
      )}
    </Dialog>
  );
}

interface PersonProps {
  account: number | undefined;
  choose: (account: number | undefined) => void;
}

function Person({ account, choose }: PersonProps) {
  const words = useWords();
  const [accounts, setAccounts] = useState<Account[]>([]);
  const { attempt, failure } = useAttempt();
  useEffect(() => void attempt(async () => setAccounts(await app.firm.accounts())), []);
  return (
    <>
      <label class="field">
        {words.person}
        <select
          value={account ?? ''}
          onChange={({ currentTarget: { value } }) => choose(value ? Number(value) : undefined)}
        >
          <option value="">{words.everybody}</option>
          {accounts.map((each) => (
            <option key={each.id} value={each.id} selected={each.id === account}>
              {`${each.name} — ${words.roles[each.role]}`}
            </option>
          ))}
        </select>
      </label>
      {failure}
    </>
  );
}

/** `named` where the entries are of several documents. */
function Entry({ entry, named }: { entry: LogEntry; named: boolean }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const where = [entry.device && deviceName(entry.device), entry.address].filter(Boolean);
  return (
    <li class={entry.action}>
      <p>
        <strong>{entry.account_name ?? words.theServer}</strong>
        {entry.role && <span>{words.roles[entry.role]}</span>}
        <em>
          {entry.action === 'refused' && <Icon name="alert" />}
          {words.logActions[entry.action] ?? entry.action}
          {entry.variant === 'original' && ` (${words.logOriginal})`}
        </em>
      </p>
      {named && entry.document_name && <p class="document-name">{entry.document_name}</p>}
      <p class="log-where">
        <time dateTime={entry.at}>{dateAndTime(language, entry.at)}</time>
        {where.length > 0 && <span>{where.join(' · ')}</span>}
      </p>
    </li>
  );
}
