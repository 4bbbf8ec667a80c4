// For admins: how long clients may wait, and from when on.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { duration, share } from '../amounts';
import { dateAndTime } from '../format';
import type { NewPolicy } from '../payroll';
import type { Policy, WaitKind } from '../protocol';
import { Dialog } from './dialog';
import { ForWhich, forWhich, FormFooter } from './fields';
import { useAttempt, useKindName, useLoaded, usePage, useWords } from './use';

const HOUR = 3_600;
const MINUTE = 60;
const kinds: WaitKind[] = ['first', 'next', 'resolution'];

export function Policies() {
  const words = useWords();
  const { value, failure, again } = useLoaded(() => app.payroll.policies(), []);
  const [adding, setAdding] = useState(false);
  return (
    <section class="card" aria-label={words.policies}>
      <header class="card-head">
        <h2>{words.policies}</h2>
        <button type="button" class="plain" onClick={() => setAdding(true)}>
          {words.addPolicy}
        </button>
      </header>
      <p class="hint">{words.policiesHint}</p>
      {failure}
      {value?.length === 0 && <p class="empty">{words.noPolicies}</p>}
      <ul class="rules">
        {value?.map((policy) => (
          <PolicyRow key={policy.id} policy={policy} />
        ))}
      </ul>
      {adding && <NewPolicySheet done={() => void again()} close={() => setAdding(false)} />}
    </section>
  );
}

function PolicyRow({ policy }: { policy: Policy }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const kindName = useKindName();
  return (
    <li data-policy={policy.id}>
      <p>
        <strong>{forWhich(words, policy.org_name, policy.kind && kindName(policy.kind))}</strong>
        <span>{words.ruleFrom(dateAndTime(language, policy.from))}</span>
      </p>
      <dl class="rule-facts">
        {kinds.map((kind) => (
          <div key={kind}>
            <dt>{words.waitKinds[kind]}</dt>
            <dd>{policy[kind] === null ? words.noTarget : duration(language, policy[kind])}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">{words.warnShare(share(language, Number(policy.warn_share)))}</p>
    </li>
  );
}

interface SheetProps {
  done: () => void;
  close: () => void;
}

function NewPolicySheet({ done, close }: SheetProps) {
  const words = useWords();
  const { attempt, failure } = useAttempt();
  const [policy, setPolicy] = useState<NewPolicy>({
    kind: null,
    org: null,
    from: null,
    first: null,
    next: null,
    resolution: null,
    warn_share: 0.8,
  });
  const put = (part: Partial<NewPolicy>) => setPolicy((all) => ({ ...all, ...part }));
  const go = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      await app.payroll.addPolicy(policy);
      close();
      done();
    });
  };
  return (
    <Dialog title={words.addPolicy} close={close}>
      <form onSubmit={go}>
        <ForWhich kind={policy.kind} org={policy.org} choose={put} />
        {kinds.map((kind) => (
          <Target
            key={kind}
            label={words.waitKinds[kind]}
            value={policy[kind]}
            set={(seconds) => put({ [kind]: seconds })}
          />
        ))}
        <label class="field">
          {words.warnAt}
          <input
            type="number"
            min={1}
            max={100}
            required
            value={Math.round(policy.warn_share * 100)}
            onInput={(event) => put({ warn_share: Number(event.currentTarget.value) / 100 })}
          />
        </label>
        <label class="field">
          {words.from}
          <input
            type="datetime-local"
            onInput={({ currentTarget: { value } }) =>
              put({ from: value ? new Date(value).toISOString() : null })
            }
          />
          <span>{words.fromNow}</span>
        </label>
        {failure}
        <FormFooter yes={words.save} close={close} />
      </form>
    </Dialog>
  );
}

interface TargetProps {
  label: string;
  /** Seconds; null is no target. */
  value: number | null;
  set: (seconds: number | null) => void;
}

function Target({ label, value, set }: TargetProps) {
  const words = useWords();
  const hours = value === null ? '' : Math.floor(value / HOUR);
  const minutes = value === null ? '' : Math.round((value % HOUR) / MINUTE);
  const put = (h: number, m: number) => set(h * HOUR + m * MINUTE || null);
  return (
    <div class="field" role="group" aria-label={label}>
      {label}
      <p class="target">
        <input
          type="number"
          min={0}
          max={9999}
          aria-label={words.hoursShort}
          placeholder="–"
          value={hours}
          onInput={({ currentTarget }) => put(Number(currentTarget.value), Number(minutes))}
        />
        <span>{words.hoursShort}</span>
        <input
          type="number"
          min={0}
          max={59}
          aria-label={words.minutesShort}
          placeholder="–"
          value={minutes}
          onInput={({ currentTarget }) => put(Number(hours), Number(currentTarget.value))}
        />
        <span>{words.minutesShort}</span>
      </p>
    </div>
  );
}
