// For admins: working hours, the days that are other than their weekday, and who goes by which
// calendar.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { dateOnly } from '../format';
import type { Calendar, CalendarDay, CalendarUse, Hours } from '../protocol';
import { Dialog } from './dialog';
import { Choice, Done, ForWhich, forWhich, FormFooter } from './fields';
import { Icon } from './icons';
import { useAttempt, useKindName, useLoaded, usePage, useWords } from './use';

type Sheet = { name: 'calendar' } | { name: 'use' } | { name: 'day'; calendar: number };

export function Calendars() {
  const words = useWords();
  const { value, failure, again } = useLoaded(
    async () => ({ calendars: await app.calendars.list(), uses: await app.calendars.uses() }),
    [],
  );
  const [sheet, setSheet] = useState<Sheet | null>(null);
  const sheetProps = { done: () => void again(), close: () => setSheet(null) };
  return (
    <section class="card" aria-label={words.calendars}>
      <header class="card-head">
        <h2>{words.calendars}</h2>
        <button type="button" class="plain" onClick={() => setSheet({ name: 'calendar' })}>
          {words.addCalendar}
        </button>
      </header>
      <p class="hint">{words.calendarsHint}</p>
      {failure}
      {value?.calendars.length === 0 && <p class="empty">{words.noCalendars}</p>}
      <ul class="rules">
        {value?.calendars.map((calendar) => (
          <CalendarRow
            key={calendar.id}
            calendar={calendar}
            changed={() => again()}
            addDay={() => setSheet({ name: 'day', calendar: calendar.id })}
          />
        ))}
      </ul>
      {value && value.calendars.length > 0 && (
        <Uses
          uses={value.uses}
          calendars={value.calendars}
          changed={() => again()}
          add={() => setSheet({ name: 'use' })}
        />
      )}
      {sheet?.name === 'calendar' && <NewCalendar {...sheetProps} />}
      {sheet?.name === 'day' && <NewDay calendar={sheet.calendar} {...sheetProps} />}
      {sheet?.name === 'use' && <NewUse calendars={value?.calendars ?? []} {...sheetProps} />}
    </section>
  );
}

const inWords = (hours: readonly Hours[]) =>
  hours.map(({ from, until }) => `${from.slice(0, 5)}–${until.slice(0, 5)}`).join(', ');

/** Weekdays that follow each other and have the same hours together. */
function week({ hours }: Calendar, names: readonly string[], none: string) {
  const days = names.map((name, at) => ({
    name,
    hours: inWords(hours.filter((each) => each.weekday === at + 1)) || none,
  }));
  return days.reduce<{ first: string; last: string; hours: string }[]>((all, day) => {
    const before = all.at(-1);
    if (before?.hours !== day.hours)
      return [...all, { first: day.name, last: day.name, hours: day.hours }];
    before.last = day.name;
    return all;
  }, []);
}

interface RowProps {
  calendar: Calendar;
  changed: () => Promise<void>;
  addDay: () => void;
}

function CalendarRow({ calendar, changed, addDay }: RowProps) {
  const words = useWords();
  const { attempt, failure } = useAttempt();
  const [loaded, setLoaded] = useState<number | null>(null);
  const load = () =>
    attempt(async () => {
      setLoaded(await app.calendars.loadHolidays(calendar.id));
      await changed();
    });
  return (
    <li data-calendar={calendar.id}>
      <p>
        <strong>{calendar.name}</strong>
        <span>{calendar.time_zone}</span>
      </p>
      <dl class="rule-facts">
        {week(calendar, words.weekdays, words.closedDay).map(({ first, last, hours }) => (
          <div key={first}>
            <dt>{first === last ? first : `${first}–${last}`}</dt>
            <dd>{hours}</dd>
          </div>
        ))}
      </dl>
      {calendar.exceptions.length > 0 && (
        <details>
          <summary>{words.exceptions(calendar.exceptions.length)}</summary>
          <ul class="days">
            {calendar.exceptions.map((day) => (
              <DayRow key={day.day} calendar={calendar.id} day={day} changed={changed} />
            ))}
          </ul>
        </details>
      )}
      {failure}
      {loaded !== null && <Done text={words.holidaysLoaded(loaded)} />}
      <p class="rule-doing">
        <button type="button" class="plain" onClick={() => void load()}>
          {words.loadHolidays}
        </button>
        <button type="button" class="plain" onClick={addDay}>
          {words.addDay}
        </button>
      </p>
    </li>
  );
}

interface DayProps {
  calendar: number;
  day: CalendarDay;
  changed: () => Promise<void>;
}

function DayRow({ calendar, day, changed }: DayProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const { attempt, failure } = useAttempt();
  const set = (part: Partial<CalendarDay>) =>
    void attempt(async () => {
      await app.calendars.setDay(calendar, { day: day.day, ...part });
      await changed();
    });
  return (
    <li>
      <button
        type="button"
        role="switch"
        aria-checked={day.active}
        class="setting"
        onClick={() => set({ active: !day.active })}
      >
        <span>
          {day.name}
          <span class="setting-hint">
            {dateOnly(language, day.day)} · {inWords(day.hours) || words.closedDay}
            {!day.confirmed && <em> · {words.unconfirmed}</em>}
          </span>
        </span>
        <span class="switch" aria-hidden="true" />
      </button>
      {!day.confirmed && (
        <button type="button" class="plain" onClick={() => set({ confirmed: true })}>
          {words.confirmDay}
        </button>
      )}
      {failure}
    </li>
  );
}

interface UsesProps {
  uses: CalendarUse[];
  calendars: Calendar[];
  changed: () => Promise<void>;
  add: () => void;
}

function Uses({ uses, calendars, changed, add }: UsesProps) {
  const words = useWords();
  const kindName = useKindName();
  const { attempt, failure } = useAttempt();
  const remove = (use: CalendarUse) =>
    void attempt(async () => {
      await app.calendars.use(use, null);
      await changed();
    });
  return (
    <>
      <header class="card-head">
        <h3>{words.uses}</h3>
        <button type="button" class="plain" onClick={add}>
          {words.addUse}
        </button>
      </header>
      {uses.length === 0 && <p class="hint">{words.noUses}</p>}
      <ul class="uses">
        {uses.map((use) => (
          <li key={`${use.org}.${use.kind}`}>
            <span>
              {forWhich(words, use.org_name, use.kind && kindName(use.kind))}
              <strong>{calendars.find((each) => each.id === use.calendar)?.name}</strong>
            </span>
            <button
              type="button"
              class="round"
              aria-label={words.removeUse}
              title={words.removeUse}
              onClick={() => remove(use)}
            >
              <Icon name="remove" />
            </button>
          </li>
        ))}
      </ul>
      {failure}
    </>
  );
}

interface SheetProps {
  done: () => void;
  close: () => void;
}

/** What one does in a form: when it worked, the sheet closes. */
function useSaving({ done, close }: SheetProps, save: () => Promise<void>) {
  const { attempt, failure } = useAttempt();
  const go = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      await save();
      close();
      done();
    });
  };
  return { go, failure };
}

interface TimeProps {
  label: string;
  value: string;
  required?: boolean;
  set: (value: string) => void;
}

function Time({ label, value, required = false, set }: TimeProps) {
  return (
    <label class="field">
      {label}
      <input
        type="time"
        required={required}
        value={value}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
}

function NewCalendar(props: SheetProps) {
  const words = useWords();
  const [name, setName] = useState('');
  const [days, setDays] = useState<readonly number[]>([1, 2, 3, 4, 5]);
  const [times, setTimes] = useState({
    from: '09:00',
    until: '18:00',
    rest: '13:00',
    back: '14:00',
  });
  const put = (part: Partial<typeof times>) => setTimes((all) => ({ ...all, ...part }));
  const { from, until, rest, back } = times;
  const hours: Hours[] =
    rest && back
      ? [
          { from, until: rest },
          { from: back, until },
        ]
      : [{ from, until }];
  const { go, failure } = useSaving(props, () =>
    app.calendars.save({
      name: name.trim(),
      hours: days.flatMap((weekday) => hours.map((each) => ({ weekday, ...each }))),
    }),
  );
  return (
    <Dialog title={words.addCalendar} close={props.close}>
      <form onSubmit={go}>
        <label class="field">
          {words.calendarName}
          <input
            required
            maxLength={200}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <div class="field" role="group" aria-label={words.workDays}>
          {words.workDays}
          <div class="chips">
            {words.weekdays.map((each, at) => {
              const on = days.includes(at + 1);
              const others = days.filter((day) => day !== at + 1);
              return (
                <button
                  key={each}
                  type="button"
                  aria-pressed={on}
                  onClick={() => setDays(on ? others : [...others, at + 1].sort())}
                >
                  {each}
                </button>
              );
            })}
          </div>
        </div>
        <div class="pair">
          <Time
            label={words.workFrom}
            required
            value={from}
            set={(value) => put({ from: value })}
          />
          <Time
            label={words.workUntil}
            required
            value={until}
            set={(value) => put({ until: value })}
          />
          <Time label={words.breakFrom} value={rest} set={(value) => put({ rest: value })} />
          <Time label={words.breakUntil} value={back} set={(value) => put({ back: value })} />
        </div>
        {failure}
        <FormFooter
          yes={words.save}
          ready={name.trim() !== '' && days.length > 0}
          close={props.close}
        />
      </form>
    </Dialog>
  );
}

function NewDay({ calendar, ...props }: SheetProps & { calendar: number }) {
  const words = useWords();
  const [day, setDay] = useState('');
  const [name, setName] = useState('');
  const [off, setOff] = useState(true);
  const [hours, setHours] = useState<Hours>({ from: '09:00', until: '18:00' });
  const { go, failure } = useSaving(props, () =>
    app.calendars.setDay(calendar, { day, name: name.trim(), hours: off ? [] : [hours] }),
  );
  return (
    <Dialog title={words.addDay} close={props.close}>
      <form onSubmit={go}>
        <label class="field">
          {words.day}
          <input
            type="date"
            required
            value={day}
            onInput={(event) => setDay(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          {words.dayName}
          <input
            required
            maxLength={200}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <button
          type="button"
          role="switch"
          aria-checked={off}
          class="setting"
          onClick={() => setOff(!off)}
        >
          <span>{words.dayOff}</span>
          <span class="switch" aria-hidden="true" />
        </button>
        {!off && (
          <div class="pair">
            <Time
              label={words.workFrom}
              required
              value={hours.from}
              set={(from) => setHours({ ...hours, from })}
            />
            <Time
              label={words.workUntil}
              required
              value={hours.until}
              set={(until) => setHours({ ...hours, until })}
            />
          </div>
        )}
        {failure}
        <FormFooter yes={words.save} ready={name.trim() !== ''} close={props.close} />
      </form>
    </Dialog>
  );
}

function NewUse({ calendars, ...props }: SheetProps & { calendars: Calendar[] }) {
  const words = useWords();
  const [which, setWhich] = useState<Pick<CalendarUse, 'org' | 'kind'>>({ org: null, kind: null });
  const [calendar, setCalendar] = useState<number | null>(calendars[0]?.id ?? null);
  const { go, failure } = useSaving(props, () => app.calendars.use(which, calendar));
  return (
    <Dialog title={words.addUse} close={props.close}>
      <form onSubmit={go}>
        <ForWhich
          kind={which.kind}
          org={which.org}
          choose={(part) => setWhich((all) => ({ ...all, ...part }))}
        />
        <Choice
          label={words.calendar}
          value={calendar}
          options={calendars.map((each) => ({ value: each.id, name: each.name }))}
          choose={setCalendar}
        />
        {failure}
        <FormFooter yes={words.save} ready={calendar !== null} close={props.close} />
      </form>
    </Dialog>
  );
}
