// A person's bonus of a month: its lines, and of each what it was computed from, down to messages
// and documents.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { duration, money, NONE, share, sum } from '../amounts';
import { dateAndTime } from '../format';
import { routeTo } from '../page';
import type { BonusLine, BonusPerson, BonusReply, Language, PayslipItem } from '../protocol';
import { Dialog } from './dialog';
import { Icon } from './icons';
import { useCalm, useKindName, useLoaded, usePage, useWords } from './use';

/** Milliseconds between two looks, when events come. */
const PAUSE = 2_000;

export function useBonus(month: string | null, account: number | null) {
  const moved = useCalm(
    usePage((page) => page.data.moved),
    PAUSE,
  );
  return useLoaded(() => app.payroll.bonus(month, account), [month, account, moved]);
}

interface LinesProps {
  reply: BonusReply;
  person: BonusPerson | undefined;
}

export function BonusLines({ reply: { month, state }, person }: LinesProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const kindName = useKindName();
  const [open, setOpen] = useState<BonusLine | null>(null);
  if (!person || person.lines.length === 0) {
    return (
      <div class="empty">
        <Icon name="pay" />
        <strong>{words.bonusNone}</strong>
        {state === 'running' && <span>{words.bonusNoRule}</span>}
      </div>
    );
  }
  return (
    <>
      <ul class="bonus">
        {person.lines.map((line) => (
          <li key={line.line} data-kind={line.kind}>
            <span class="bonus-what">
              <strong>{words.bonusKinds[line.kind] ?? line.kind}</strong>
              <span>
                {[
                  line.topic_kind && kindName(line.topic_kind),
                  counted(language, line),
                  line.reason,
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </span>
            <span class="bonus-sum">{money(language, line.amount)}</span>
            {['document', 'rating', 'sla'].includes(line.kind) && (
              <button
                type="button"
                class="round"
                aria-label={`${words.bonusKinds[line.kind]}: ${words.showRows}`}
                title={words.showRows}
                onClick={() => setOpen(line)}
              >
                <Icon name="next" />
              </button>
            )}
          </li>
        ))}
        <li class="bonus-total">
          <span class="bonus-what">
            <strong>{words.total}</strong>
            <span>{words.bonusHints[state]}</span>
          </span>
          <span class="bonus-sum">{money(language, person.total)}</span>
        </li>
      </ul>
      {open && (
        <Items month={month} account={person.account} line={open} close={() => setOpen(null)} />
      )}
    </>
  );
}

/** 12 × 5 000 soʻm, or the share that a tier was reached by. */
function counted(language: Language, { kind, quantity, rate, share: part }: BonusLine): string {
  if (kind === 'sla') return share(language, part);
  if (kind !== 'document' && kind !== 'rating') return '';
  return `${quantity} × ${money(language, rate)}`;
}

interface ItemsProps {
  month: string;
  account: number;
  line: BonusLine;
  close: () => void;
}

function Items({ month, account, line, close }: ItemsProps) {
  const words = useWords();
  const { value, failure } = useLoaded(() => app.payroll.items(month, account), [month, account]);
  const items = value?.filter((item) => item.line === line.line);
  const title = words.bonusKinds[line.kind];
  return (
    <Dialog title={title} close={close} kind="wide">
      <p>{words.itemsTitle}</p>
      {failure}
      {!items && !failure && <p class="empty">{words.loading}</p>}
      {items?.length === 0 && <p class="empty">{words.noItems}</p>}
      <ol class="items">
        {items?.map((item) => (
          <Item key={`${item.source}${item.id}`} item={item} />
        ))}
      </ol>
    </Dialog>
  );
}

function Item({ item }: { item: PayslipItem }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const kindName = useKindName();
  const what =
    item.source === 'document'
      ? item.document_name
      : item.source === 'rating'
        ? words.scores[(item.score ?? 0) - 1]
        : item.duration !== null && words.answeredIn(duration(language, item.duration));
  const inTime = item.within === null ? null : item.within ? words.withinTarget : words.afterTarget;
  return (
    <li class={item.counts ? '' : 'not-counted'}>
      <p>
        <strong>{what || words.items[item.source]}</strong>
        {item.target !== null && (
          <span class={item.within ? '' : 'bad'}>
            {inTime} ({words.targetOf(duration(language, item.target))})
          </span>
        )}
        {!item.counts && <em>{words.notCounted}</em>}
      </p>
      <p class="item-where">
        <span>
          {[item.org_name ?? NONE, item.topic_kind && kindName(item.topic_kind)]
            .filter(Boolean)
            .join(' · ')}
        </span>
        <time dateTime={item.at}>{dateAndTime(language, item.at)}</time>
        {item.topic !== null && <a href={routeTo.topic(item.topic)}>{words.toMessage}</a>}
      </p>
    </li>
  );
}

/** All of several people. */
export const totalOf = (people: readonly BonusPerson[]) => sum(people.map((each) => each.total));
