// Who waits: a list by urgency, with the time that is left; and the same of one topic, above its
// messages. The server is asked again at events, and now and then, since it knows the calendar.

import { useEffect, useState } from 'preact/hooks';
import { app } from '../app';
import { durationLeft } from '../amounts';
import { shortDay } from '../format';
import type { Dictionary } from '../i18n';
import { routeTo } from '../page';
import type { Language, Wait } from '../protocol';
import { findTopic, isStaff } from '../state';
import { leftOf, urgencyOf, waitedOf, waitOf, type Waits } from '../waits';
import { Icon, TopicIcon } from './icons';
import { ReasonDialog } from './reason';
import { useCalm, useKindName, useLoaded, useNow, usePage, useWords } from './use';

/** Milliseconds. */
const TICK = 1_000;
const PAUSE = 500;
const ANEW = 30_000;
/** So many are in sight beside figures. */
const FEW = 4;

function useWaits() {
  const moved = useCalm(
    usePage((page) => page.data.moved),
    PAUSE,
  );
  const round = Math.floor(useNow(ANEW) / ANEW);
  return useLoaded(() => app.figures.waits(), [moved, round]);
}

/** Keeps the open waits of a company at hand, for staff. */
export function useWaitsOf(org: number | null): void {
  const staff = usePage((page) => page.data.account !== null && isStaff(page.data.account));
  const moved = useCalm(
    usePage((page) => page.data.moved[org ?? 0] ?? 0),
    PAUSE,
  );
  const round = Math.floor(useNow(ANEW) / ANEW);
  useEffect(() => {
    if (staff && org !== null) void app.figures.loadWaits(org);
  }, [staff, org, moved, round]);
}

export function WaitsView() {
  const words = useWords();
  const { value, failure } = useWaits();
  return (
    <section aria-label={words.waitsTitle}>
      <p class="hint">{words.waitsHint}</p>
      {failure}
      {value ? <WaitList waits={value} /> : !failure && <p class="empty">{words.loading}</p>}
    </section>
  );
}

/** The most urgent ones, beside figures. */
export function WaitsCard() {
  const words = useWords();
  const { value, failure } = useWaits();
  const count = value?.reply.waits.length ?? 0;
  return (
    <section class="card" aria-label={words.waitsTitle}>
      <h2>{words.waitsTitle}</h2>
      {failure}
      {value && <WaitList waits={value} most={FEW} />}
      {count > FEW && (
        <p class="card-more">
          <a href={routeTo.office('waits')}>{words.allWaits(count)}</a>
        </p>
      )}
    </section>
  );
}

function WaitList({ waits, most = Infinity }: { waits: Waits; most?: number }) {
  const words = useWords();
  const now = useNow(TICK);
  const shown = waits.reply.waits.slice(0, most);
  if (shown.length === 0) {
    return (
      <div class="empty">
        <Icon name="done" />
        <strong>{words.noWaits}</strong>
        <span>{words.noWaitsHint}</span>
      </div>
    );
  }
  return (
    <ol class="waits">
      {shown.map((wait) => (
        <WaitRow key={wait.id} wait={wait} waits={waits} now={now} />
      ))}
    </ol>
  );
}

/** What it may take, in words, where it counts. */
function boundOf(words: Dictionary, language: Language, { target, imported }: Wait) {
  if (imported) return words.imported;
  return target === null ? null : words.targetOf(durationLeft(language, target));
}

/** What is left, or has been waited, in words. */
function timeOf(words: Dictionary, language: Language, wait: Wait, waits: Waits, now: number) {
  const left = leftOf(wait, waits, now);
  const time = (seconds: number) => durationLeft(language, Math.max(0, seconds));
  if (wait.paused_at) return words.clientAwaited;
  if (left === null) return words.timeWaited(time(waitedOf(wait, waits, now)));
  return left > 0 ? words.timeLeft(time(left)) : words.timeOver(time(-left));
}

interface RowProps {
  wait: Wait;
  waits: Waits;
  now: number;
}

function WaitRow({ wait, waits, now }: RowProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const kindName = useKindName();
  const urgency = urgencyOf(wait, leftOf(wait, waits, now));
  const bound = boundOf(words, language, wait);
  return (
    <li class={`wait ${urgency}`} data-wait={wait.id}>
      <a href={routeTo.topic(wait.topic)}>
        <span class="badge-square" aria-hidden="true">
          <TopicIcon kind={wait.topic_kind} />
        </span>
        <span class="wait-what">
          <strong>{wait.org_name}</strong>
          <span>
            {kindName(wait.topic_kind)} · {words.waitKinds[wait.kind]}
          </span>
        </span>
        <span class="wait-time">
          <strong>
            <Icon name={urgency === 'paused' ? 'pause' : urgency === 'calm' ? 'clock' : 'alert'} />
            {timeOf(words, language, wait, waits, now)}
          </strong>
          <span>
            {words.since(shortDay(language, wait.started_at))}
            {bound && ` · ${bound}`}
          </span>
        </span>
      </a>
      {wait.kind !== 'resolution' && <Dismiss wait={wait} />}
    </li>
  );
}

function Dismiss({ wait }: { wait: Wait }) {
  const words = useWords();
  const role = usePage((page) => page.data.account?.role);
  const [asking, setAsking] = useState(false);
  if (role !== 'admin' && role !== 'accountant') return null;
  return (
    <>
      <button type="button" class="plain" onClick={() => setAsking(true)}>
        <Icon name="check" />
        <span>{words.dismiss}</span>
      </button>
      {asking && (
        <ReasonDialog
          title={words.dismissQuestion}
          yes={words.dismiss}
          optional
          act={(reason) => void app.figures.dismiss(wait, reason)}
          close={() => setAsking(false)}
        >
          <p>{words.dismissHint}</p>
        </ReasonDialog>
      )}
    </>
  );
}

/** Above a topic's messages, for staff: how long its client waits. */
export function WaitStrip({ topic }: { topic: number }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const waits = usePage((page) => page.data.waits[findTopic(page.data, topic)?.org.id ?? 0]);
  const now = useNow(TICK);
  const wait = waitOf(waits, topic);
  if (!waits || !wait) return null;
  const urgency = urgencyOf(wait, leftOf(wait, waits, now));
  const bound = boundOf(words, language, wait);
  return (
    <div class={`wait-strip ${urgency}`}>
      <Icon name={urgency === 'paused' ? 'pause' : 'clock'} />
      <p>
        <span class="wait-kind">{words.waitKinds[wait.kind]}: </span>
        <strong>{timeOf(words, language, wait, waits, now)}</strong>
        {bound && <span class="wait-target"> · {bound}</span>}
      </p>
      {wait.kind !== 'resolution' && <Dismiss wait={wait} />}
    </div>
  );
}

/** In lists of topics: that a client waits, where it is urgent. */
export function WaitMark({ org, topic }: { org: number; topic: number }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const waits = usePage((page) => page.data.waits[org]);
  const now = useNow(ANEW);
  const wait = waitOf(waits, topic);
  if (!waits || !wait || wait.paused_at || wait.left === null) return null;
  const time = timeOf(words, language, wait, waits, now);
  return (
    <span class={`wait-mark ${urgencyOf(wait, leftOf(wait, waits, now))}`}>
      <Icon name="clock" />
      {time}
    </span>
  );
}
