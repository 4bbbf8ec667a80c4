// The bonuses of a month: everybody's that I may see. An admin closes the month, corrects sums, and
// takes them along as a file.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { amountOf, money, monthName } from '../amounts';
import { routeTo, type Office } from '../page';
import type { BonusReply } from '../protocol';
import { BonusLines, totalOf, useBonus } from './bonus';
import { Dialog, Question } from './dialog';
import { Choice, Done } from './fields';
import { Icon } from './icons';
import { useAttempt, useLoaded, usePage, useWords } from './use';

export function PayrollView({ place: { month, account } }: { place: Office }) {
  const words = useWords();
  const { value, failure, again } = useBonus(month, account);
  if (!value) return failure ?? <p class="empty">{words.loading}</p>;
  const person = value.people.find((each) => each.account === account);
  return (
    <>
      {failure}
      {account === null ? (
        <Everybody reply={value} again={() => void again()} month={month} />
      ) : (
        <>
          <p class="crumbs">
            <a href={routeTo.office('payroll', month)}>{words.allPeople}</a>
            <strong>{person?.name}</strong>
          </p>
          <section class="card" aria-label={words.bonus}>
            <BonusLines reply={value} person={person} />
          </section>
        </>
      )}
    </>
  );
}

interface EverybodyProps {
  reply: BonusReply;
  month: string | null;
  again: () => void;
}

function Everybody({ reply, month, again }: EverybodyProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const admin = usePage((page) => page.data.account?.role === 'admin');
  const total = totalOf(reply.people);
  return (
    <>
      <section
        class="card payroll"
        data-state={reply.state}
        aria-label={words.payrollStates[reply.state]}
      >
        <div>
          <p class={`payroll-state ${reply.state}`}>
            <Icon name={reply.state === 'closed' ? 'done' : 'clock'} />
            {words.payrollStates[reply.state]}
          </p>
          <p class="payroll-total">{money(language, total)}</p>
          <p class="hint">{words.payrollHints[reply.state]}</p>
        </div>
        {admin && <Doing reply={reply} total={total} again={again} />}
      </section>
      <section class="card" aria-label={words.byPerson}>
        {reply.people.length === 0 && <p class="empty">{words.bonusNone}</p>}
        <ul class="bonus">
          {reply.people.map((person) => (
            <li key={person.account}>
              <span class="bonus-what">
                <a href={routeTo.office('payroll', month, person.account)}>{person.name}</a>
              </span>
              <span class="bonus-sum">{money(language, person.total)}</span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

interface DoingProps {
  reply: BonusReply;
  total: string;
  again: () => void;
}

function Doing({ reply: { month, state, people }, total, again }: DoingProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const [sheet, setSheet] = useState<'close' | 'correct' | null>(null);
  const { attempt, failure } = useAttempt();
  const paid = people.filter((each) => each.lines.length > 0).length;
  return (
    <div class="payroll-doing">
      {state === 'closed' && (
        <>
          <button
            type="button"
            class="plain"
            onClick={() => void attempt(() => app.payroll.saveCsv(month))}
          >
            <Icon name="download" />
            {words.csv}
          </button>
          <button type="button" class="plain" onClick={() => setSheet('correct')}>
            <Icon name="edit" />
            {words.correct}
          </button>
        </>
      )}
      {state === 'ended' && (
        <button type="button" class="solid" onClick={() => setSheet('close')}>
          {words.closeMonth}
        </button>
      )}
      {failure}
      {failure && state === 'ended' && <p class="hint">{words.monthsInOrder}</p>}
      {sheet === 'close' && (
        <Question
          title={words.closeMonthQuestion(monthName(language, month))}
          hint={words.closeMonthHint(money(language, total), paid)}
          yes={words.closeMonth}
          answer={() =>
            void attempt(async () => {
              await app.payroll.close(month);
              again();
            })
          }
          close={() => setSheet(null)}
        />
      )}
      {sheet === 'correct' && <Correction month={month} close={() => setSheet(null)} />}
    </div>
  );
}

/** For anybody of the staff: who has no line may have been forgotten. */
function Correction({ month, close }: { month: string; close: () => void }) {
  const words = useWords();
  const { value: accounts, failure: listFailure } = useLoaded(() => app.firm.accounts(), []);
  const [account, setAccount] = useState<number | null>(null);
  const [typed, setTyped] = useState('');
  const [reason, setReason] = useState('');
  const [done, setDone] = useState(false);
  const { attempt, failure } = useAttempt();
  const amount = amountOf(typed);
  const go = (event: Event) => {
    event.preventDefault();
    if (!amount || account === null) return;
    void attempt(async () => {
      await app.payroll.correct(month, account, amount, reason.trim());
      setDone(true);
    });
  };
  return (
    <Dialog title={words.correct} close={close}>
      <form onSubmit={go}>
        <p class="hint">{words.correctHint}</p>
        <Choice
          label={words.staffMember}
          value={account}
          options={(accounts ?? [])
            .filter((each) => each.role !== 'client')
            .map((each) => ({ value: each.id, name: each.name }))}
          choose={(chosen) => setAccount(chosen)}
        />
        <label class="field">
          {words.correctAmount}
          <input required value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          {typed.length > 1 && amount === null && (
            <span class="bad" role="alert">
              {words.amountWrong}
            </span>
          )}
        </label>
        <label class="field">
          {words.reason}
          <textarea
            rows={2}
            maxLength={500}
            required
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        {listFailure}
        {failure}
        {done && <Done text={words.corrected} />}
        <footer class="form-footer">
          <button type="button" class="plain" onClick={close}>
            {done ? words.close : words.cancel}
          </button>
          {!done && (
            <button
              type="submit"
              class="solid"
              disabled={!amount || account === null || reason.trim() === ''}
            >
              {words.save}
            </button>
          )}
        </footer>
      </form>
    </Dialog>
  );
}
