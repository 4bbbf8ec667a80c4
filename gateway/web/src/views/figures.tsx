// Figures of a month: a person's own in full; for supervisors and admins first everybody's, by
// person, client or topic.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { decimal, duration, money, NONE, share } from '../amounts';
import { routeTo, type Office } from '../page';
import type { BonusReply, Figures as Row, KpiReply, Part, PersonFigures } from '../protocol';
import { isGhost } from '../state';
import { BonusLines, useBonus } from './bonus';
import { Chart } from './chart';
import { Icon } from './icons';
import { useCalm, useKindName, useLoaded, usePage, useWords } from './use';
import { WaitsCard } from './waits';

/** An event may change figures; they are asked for again once in so many milliseconds. */
const PAUSE = 2_000;

export function Figures({ place: { month, account } }: { place: Office }) {
  const words = useWords();
  const me = usePage((page) => page.data.account)!;
  const moved = useCalm(
    usePage((page) => page.data.moved),
    PAUSE,
  );
  const whose = account ?? (isGhost(me) ? null : me.id);
  const { value, failure } = useLoaded(
    () => app.figures.kpi(month, account),
    [month, account, moved],
  );
  if (!value) return failure ?? <p class="empty">{words.loading}</p>;
  return (
    <>
      {failure}
      {whose === null ? (
        <Everybody kpi={value} month={month} />
      ) : (
        <Person kpi={value} account={whose} month={month} />
      )}
    </>
  );
}

interface PersonProps {
  kpi: KpiReply;
  account: number;
  month: string | null;
}

function Person({ kpi, account, month }: PersonProps) {
  const words = useWords();
  const me = usePage((page) => page.data.account)!;
  const row = kpi.staff.find((each) => each.account_id === account) ?? null;
  const { value: bonus, failure } = useBonus(kpi.month, account);
  const paid = bonus?.people.find((each) => each.account === account);
  const total = bonus && { total: paid?.total ?? '0', state: bonus.state };
  return (
    <>
      {account !== me.id && (
        <p class="crumbs">
          <a href={routeTo.office('figures', month)}>{words.allPeople}</a>
          <strong>{row?.account}</strong>
        </p>
      )}
      {row ? <Tiles row={row} bonus={total} /> : <NoFigures />}
      {account === me.id && <WaitsCard />}
      {row && <Chart month={kpi.month} days={kpi.days} />}
      {row && <Details row={row} />}
      <section class="card" aria-label={words.bonus}>
        <h2>{words.bonus}</h2>
        {failure}
        {bonus && <BonusLines reply={bonus} person={paid} />}
      </section>
    </>
  );
}

function NoFigures() {
  const words = useWords();
  return (
    <div class="card empty">
      <Icon name="chart" />
      <span>{words.noFigures}</span>
    </div>
  );
}

interface TileProps {
  name: string;
  value: string;
  hint: string;
  /** Something is to be done. */
  bad?: boolean;
}

export function Tile({ name, value, hint, bad }: TileProps) {
  return (
    <div class={bad ? 'tile bad' : 'tile'}>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <span>{hint}</span>
      </dd>
    </div>
  );
}

interface TilesProps {
  row: Row;
  bonus: { total: string; state: BonusReply['state'] } | null;
}

function Tiles({ row, bonus }: TilesProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  return (
    <dl class="tiles">
      <Tile
        name={words.responseTime}
        value={duration(language, row.response_median)}
        hint={
          row.response_p90 === null ? '' : words.responseHint(duration(language, row.response_p90))
        }
      />
      <Tile
        name={words.onTime}
        value={share(language, row.response_within)}
        hint={words.onTimeHint(row.missed)}
        bad={row.missed > 0}
      />
      <Tile
        name={words.answers}
        value={String(row.response_count)}
        hint={words.answersHint(row.first_count, row.next_count)}
      />
      <Tile
        name={words.ratingsMean}
        value={decimal(language, row.rating_mean, 2)}
        hint={words.ratingsHint(row.ratings, row.ratings_positive)}
      />
      <Tile
        name={words.documentsDone}
        value={String(row.documents_processed)}
        hint={words.documentsHint(row.documents_returned)}
      />
      <Tile
        name={words.bonusSoFar}
        value={bonus === null ? NONE : money(language, bonus.total)}
        hint={bonus === null ? '' : words.bonusHints[bonus.state]}
      />
    </dl>
  );
}

const parts: Part[] = ['first', 'next', 'response', 'resolution'];

function Details({ row }: { row: Row }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  return (
    <section class="card" aria-label={words.details}>
      <h2>{words.details}</h2>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">{words.details}</span>
            </th>
            <th scope="col">{words.count}</th>
            <th scope="col">{words.median}</th>
            <th scope="col">{words.mean}</th>
            <th scope="col">{words.p90}</th>
            <th scope="col">{words.within}</th>
          </tr>
        </thead>
        <tbody>
          {parts.map((part) => (
            <tr key={part} data-part={part}>
              <th scope="row">{words.parts[part]}</th>
              <td data-label={words.count}>{row[`${part}_count`]}</td>
              <td data-label={words.median}>{duration(language, row[`${part}_median`])}</td>
              <td data-label={words.mean}>{duration(language, row[`${part}_mean`])}</td>
              <td data-label={words.p90}>{duration(language, row[`${part}_p90`])}</td>
              <td data-label={words.within}>{share(language, row[`${part}_within`])}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint">{words.otherFigures(row.unanswered, row.dismissed)}</p>
      <p class="hint">{words.nowHint(row.backlog, row.workload)}</p>
    </section>
  );
}

type By = 'person' | 'company' | 'topic';

function Everybody({ kpi, month }: { kpi: KpiReply; month: string | null }) {
  const words = useWords();
  const kindName = useKindName();
  const [by, setBy] = useState<By>('person');
  const names = { person: words.byPerson, company: words.byCompany, topic: words.byTopic };
  const rows: Record<By, Listed[]> = {
    person: kpi.staff.filter(isShown).map((row) => ({
      key: row.account_id,
      name: row.account,
      note: words.roles[row.role],
      href: routeTo.office('figures', month, row.account_id),
      row,
    })),
    company: kpi.orgs.map((row) => ({
      key: row.org_id,
      name: row.org,
      href: routeTo.company(row.org_id),
      row,
    })),
    topic: kpi.kinds.map((row) => ({ key: row.kind, name: kindName(row.kind), row })),
  };
  return (
    <>
      <div class="chips" role="group" aria-label={words.office}>
        {(Object.keys(names) as By[]).map((each) => (
          <button key={each} type="button" aria-pressed={each === by} onClick={() => setBy(each)}>
            {names[each]}
          </button>
        ))}
      </div>
      {rows[by].length === 0 ? (
        <NoFigures />
      ) : (
        <Rows
          what={{ person: words.staffMember, company: words.company, topic: words.topicKind }[by]}
          rows={rows[by]}
        />
      )}
    </>
  );
}

/** Accountants, and others who did something. */
function isShown(row: PersonFigures): boolean {
  return row.role === 'accountant' || row.response_count + row.ratings + row.tickets_closed > 0;
}

interface Listed {
  key: string | number;
  name: string;
  note?: string;
  href?: string;
  row: Row;
}

function Rows({ what, rows }: { what: string; rows: Listed[] }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const sorted = [...rows].sort(
    (a, b) => b.row.response_count - a.row.response_count || a.name.localeCompare(b.name),
  );
  return (
    <section class="card" aria-label={what}>
      <table class="figures wide">
        <thead>
          <tr>
            <th scope="col">{what}</th>
            <th scope="col">{words.answers}</th>
            <th scope="col">{words.responseTime}</th>
            <th scope="col">{words.p90}</th>
            <th scope="col">{words.onTime}</th>
            <th scope="col">{words.late}</th>
            <th scope="col">{words.rating}</th>
            <th scope="col">{words.documentsDone}</th>
            <th scope="col">{words.openNow}</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map(({ key, name, note, href, row }) => (
            <tr key={key}>
              <th scope="row">
                {href ? <a href={href}>{name}</a> : name}
                {note && <span>{note}</span>}
              </th>
              <td data-label={words.answers}>{row.response_count}</td>
              <td data-label={words.responseTime}>{duration(language, row.response_median)}</td>
              <td data-label={words.p90}>{duration(language, row.response_p90)}</td>
              <td data-label={words.onTime}>{share(language, row.response_within)}</td>
              <td data-label={words.late} class={row.missed > 0 ? 'bad' : ''}>
                {row.missed}
              </td>
              <td data-label={words.rating}>
                {decimal(language, row.rating_mean, 2)}
                {row.ratings > 0 && ` · ${row.ratings}`}
              </td>
              <td data-label={words.documentsDone}>{row.documents_processed}</td>
              <td data-label={words.openNow}>{row.backlog}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
