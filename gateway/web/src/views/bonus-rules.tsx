// For admins: what is paid for what, and from which day on.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { amountOf, money, monthAfter, share } from '../amounts';
import { dateOnly, dayKey } from '../format';
import type { BonusRule } from '../protocol';
import { Dialog } from './dialog';
import { Choice, FormFooter } from './fields';
import { Icon } from './icons';
import { useAttempt, useKindName, useLoaded, usePage, useWords } from './use';

export function BonusRules() {
  const words = useWords();
  const { value, failure, again } = useLoaded(() => app.payroll.rules(), []);
  const [adding, setAdding] = useState(false);
  return (
    <section class="card" aria-label={words.bonusRules}>
      <header class="card-head">
        <h2>{words.bonusRules}</h2>
        <button type="button" class="plain" onClick={() => setAdding(true)}>
          {words.addRule}
        </button>
      </header>
      <p class="hint">{words.bonusRulesHint}</p>
      {failure}
      {value?.length === 0 && <p class="empty">{words.noRules}</p>}
      <ul class="rules">
        {value?.map((rule) => (
          <RuleRow key={rule.id} rule={rule} />
        ))}
      </ul>
      {adding && (
        <NewRuleSheet
          last={value?.[0] ?? null}
          done={() => void again()}
          close={() => setAdding(false)}
        />
      )}
    </section>
  );
}

function RuleRow({ rule }: { rule: BonusRule }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const kindName = useKindName();
  const topics = usePage((page) => page.data.orgs?.[0]?.topics) ?? [];
  const kinds = topics.map((topic) => topic.kind);
  const sum = (amount: string | null) => money(language, amount);
  const facts: [string, string[]][] = [
    [
      words.documentRates,
      kinds
        .filter((kind) => kind in rule.document_rates)
        .map((kind) => `${kindName(kind)}: ${sum(rule.document_rates[kind] ?? null)}`),
    ],
    [`${words.ratingRate} (${rule.rating_min}–5)`, rule.rating_rate ? [sum(rule.rating_rate)] : []],
    [
      words.slaTiers,
      rule.sla_tiers.map((tier) => words.tierWords(share(language, tier.share), sum(tier.amount))),
    ],
    [words.minDocuments, rule.min_documents > 0 ? [String(rule.min_documents)] : []],
    [words.cap, rule.cap === null ? [] : [sum(rule.cap)]],
  ];
  return (
    <li data-rule={rule.id}>
      <p>
        <strong>{words.ruleFrom(dateOnly(language, rule.from))}</strong>
      </p>
      <dl class="rule-facts">
        {facts
          .filter(([, values]) => values.length > 0)
          .map(([name, values]) => (
            <div key={name}>
              <dt>{name}</dt>
              {values.map((each) => (
                <dd key={each}>{each}</dd>
              ))}
            </div>
          ))}
      </dl>
    </li>
  );
}

interface Tier {
  share: string;
  amount: string;
}
interface Typed {
  from: string;
  rates: Record<string, string>;
  ratingRate: string;
  ratingMin: number;
  tiers: Tier[];
  minDocuments: number;
  cap: string;
}

/** As the last one was, from the next month on. */
function startFrom(last: BonusRule | null): Typed {
  return {
    from: monthAfter(dayKey(new Date()), 1),
    rates: last?.document_rates ?? {},
    ratingRate: last?.rating_rate ?? '',
    ratingMin: last?.rating_min ?? 4,
    tiers: (last?.sla_tiers ?? []).map((each) => ({
      share: String(Math.round(each.share * 10_000) / 100),
      amount: each.amount,
    })),
    minDocuments: last?.min_documents ?? 0,
    cap: last?.cap ?? '',
  };
}

/** What the server takes; null while a sum is none. */
function ruleOf(typed: Typed) {
  const { rates, ratingRate, ratingMin, tiers, minDocuments, cap } = typed;
  const paid = Object.entries(rates).filter(([, rate]) => rate.trim() !== '');
  const sums = [...paid.map(([, rate]) => rate), ...tiers.map((each) => each.amount)]
    .concat(ratingRate || '0')
    .concat(cap || '0');
  const shares = tiers.map((each) => Number(each.share.replace(',', '.')));
  const wrong =
    sums.some((each) => amountOf(each) === null) ||
    shares.some((each) => !(each > 0 && each <= 100));
  if (wrong) return null;
  return {
    document_rates: Object.fromEntries(paid.map(([kind, rate]) => [kind, amountOf(rate)!])),
    rating_rate: amountOf(ratingRate || '0'),
    rating_min: ratingMin,
    sla_tiers: tiers
      .map(({ amount }, at) => ({
        share: Math.round(shares[at]! * 100) / 10_000,
        amount: amountOf(amount)!,
      }))
      .sort((a, b) => a.share - b.share),
    min_documents: minDocuments,
    cap: cap === '' ? null : amountOf(cap),
  };
}

interface SheetProps {
  last: BonusRule | null;
  done: () => void;
  close: () => void;
}

function NewRuleSheet({ last, done, close }: SheetProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const topics = usePage((page) => page.data.orgs?.[0]?.topics) ?? [];
  const { attempt, failure } = useAttempt();
  const [typed, setTyped] = useState(() => startFrom(last));
  const put = (part: Partial<Typed>) => setTyped((all) => ({ ...all, ...part }));
  const rule = ruleOf(typed);
  const go = (event: Event) => {
    event.preventDefault();
    if (!rule) return;
    void attempt(async () => {
      await app.payroll.addRule(typed.from, rule);
      close();
      done();
    });
  };
  return (
    <Dialog title={words.addRule} close={close}>
      <form onSubmit={go}>
        <label class="field">
          {words.from}
          <input
            type="date"
            required
            value={typed.from}
            onInput={(event) => put({ from: event.currentTarget.value })}
          />
        </label>
        <fieldset class="field-group">
          <legend>{words.documentRates}</legend>
          {topics.map((topic) => (
            <Sum
              key={topic.kind}
              label={topic.names[language]}
              value={typed.rates[topic.kind] ?? ''}
              set={(rate) => put({ rates: { ...typed.rates, [topic.kind]: rate } })}
            />
          ))}
        </fieldset>
        <Sum
          label={words.ratingRate}
          value={typed.ratingRate}
          set={(ratingRate) => put({ ratingRate })}
        />
        <Choice
          label={words.ratingMin}
          value={typed.ratingMin}
          options={[3, 4, 5].map((value) => ({
            value,
            name: `${value} — ${words.scores[value - 1]}`,
          }))}
          choose={(ratingMin) => put({ ratingMin: ratingMin ?? 4 })}
        />
        <Tiers tiers={typed.tiers} set={(tiers) => put({ tiers })} />
        <label class="field">
          {words.minDocuments}
          <input
            type="number"
            min={0}
            value={typed.minDocuments}
            onInput={(event) => put({ minDocuments: Number(event.currentTarget.value) })}
          />
        </label>
        <Sum label={words.cap} hint={words.noCap} value={typed.cap} set={(cap) => put({ cap })} />
        {failure}
        <FormFooter yes={words.save} ready={rule !== null} close={close} />
      </form>
    </Dialog>
  );
}

interface SumProps {
  label: string;
  hint?: string;
  value: string;
  set: (value: string) => void;
}

function Sum({ label, hint, value, set }: SumProps) {
  const words = useWords();
  const wrong = value.trim() !== '' && amountOf(value) === null;
  return (
    <label class="field">
      {label}
      <input
        inputMode="decimal"
        value={value}
        aria-invalid={wrong}
        onInput={(event) => set(event.currentTarget.value)}
      />
      {wrong ? <span class="bad">{words.amountWrong}</span> : hint && <span>{hint}</span>}
    </label>
  );
}

function Tiers({ tiers, set }: { tiers: Tier[]; set: (tiers: Tier[]) => void }) {
  const words = useWords();
  const put = (at: number, part: Partial<Tier>) =>
    set(tiers.map((each, place) => (place === at ? { ...each, ...part } : each)));
  return (
    <fieldset class="field-group">
      <legend>{words.slaTiers}</legend>
      {tiers.map((tier, at) => (
        <div class="tier" key={at}>
          <label class="field">
            {words.tierShare}
            <input
              inputMode="decimal"
              value={tier.share}
              onInput={(event) => put(at, { share: event.currentTarget.value })}
            />
          </label>
          <Sum label={words.tierAmount} value={tier.amount} set={(amount) => put(at, { amount })} />
          <button
            type="button"
            class="round"
            aria-label={words.removeTier}
            title={words.removeTier}
            onClick={() => set(tiers.filter((_, place) => place !== at))}
          >
            <Icon name="remove" />
          </button>
        </div>
      ))}
      <button
        type="button"
        class="plain"
        onClick={() => set([...tiers, { share: '90', amount: '' }])}
      >
        {words.addTier}
      </button>
    </fieldset>
  );
}
