// The two lists at the left: client companies, and the topics of the chosen one.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { routeTo } from '../page';
import { initials, shortDay } from '../format';
import type { Dictionary } from '../i18n';
import { languageNames } from '../i18n';
import type { Account, Language, Message, Org, Topic } from '../protocol';
import { isGhost } from '../state';
import { Icon, Logo, TopicIcon } from './icons';
import { Menu, MenuItem } from './menu';
import { People } from './people';
import { gist, usePage, useWords } from './use';
import { useWaitsOf, WaitMark } from './waits';
import { WatchCompany, WatchMark, WatchMenu } from './watching';

export function Companies({ chosen }: { chosen: number | null }) {
  const words = useWords();
  const orgs = usePage((page) => page.data.orgs);
  const [sought, setSought] = useState('');
  const needle = fold(sought);
  const shown = (orgs ?? []).filter((org) => fold(org.name).includes(needle)).sort(byActivity);
  return (
    <nav class="column companies" aria-label={words.companies}>
      <header>
        <Logo />
        <h1>1fin</h1>
        <a
          class="round"
          href={routeTo.office('figures')}
          aria-label={words.office}
          title={words.office}
        >
          <Icon name="chart" />
        </a>
        <WatchMenu />
        <UserMenu />
      </header>
      <label class="search">
        <Icon name="search" />
        <input
          type="search"
          placeholder={words.search}
          aria-label={words.search}
          value={sought}
          onInput={(event) => setSought(event.currentTarget.value)}
        />
      </label>
      <ul class="rows">
        {shown.map((org) => (
          <CompanyRow key={org.id} org={org} chosen={org.id === chosen} />
        ))}
      </ul>
      {shown.length === 0 && (
        <p class="empty">
          {orgs === null ? words.loading : sought ? words.nothingFound : words.noCompanies}
        </p>
      )}
    </nav>
  );
}

/** Letters as one would type them: without case, accents and the apostrophes of oʻ and gʻ. */
function fold(name: string): string {
  return name
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\p{M}ʻʼ‘’'`]/gu, '');
}

function newestOf(org: Org): Message | null {
  const all = org.topics
    .map((topic) => topic.last)
    .filter((last): last is Message => last !== null);
  return all.reduce<Message | null>(
    (newest, each) => (newest && newest.id > each.id ? newest : each),
    null,
  );
}

function byActivity(a: Org, b: Org): number {
  return (newestOf(b)?.id ?? 0) - (newestOf(a)?.id ?? 0) || a.name.localeCompare(b.name);
}

function CompanyRow({ org, chosen }: { org: Org; chosen: boolean }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const account = usePage((page) => page.data.account)!;
  const newest = newestOf(org);
  const unread = org.topics.reduce((sum, topic) => sum + topic.unread, 0);
  return (
    <li>
      <a class="row" href={routeTo.company(org.id)} aria-current={chosen}>
        <span class="badge-round" aria-hidden="true">
          {initials(org.name)}
        </span>
        <span class="row-name">{org.name}</span>
        <span class="row-time">
          <WatchMark org={org} />
          {newest && shortDay(language, newest.at)}
        </span>
        <span class="row-text">
          {org.archived ? words.archived : preview(words, account, newest)}
        </span>
        <Unread count={isGhost(account) ? 0 : unread} />
      </a>
    </li>
  );
}

/** One line of a message, for lists. */
function preview(words: Dictionary, account: Account, message: Message | null): string {
  if (!message) return words.noMessages;
  if (message.deleted_at || message.redacted_at) return gist(words, message);
  const who = message.author === account.id ? words.you : message.author_name.split(' ')[0];
  return `${who}: ${gist(words, message)}`;
}

function Unread({ count }: { count: number }) {
  const words = useWords();
  if (count === 0) return null;
  return (
    <span class="unread">
      <span aria-hidden="true">{count > 999 ? '999+' : count}</span>
      <span class="hidden">{words.unread(count)}</span>
    </span>
  );
}

export function Topics({
  org: id,
  chosen,
  home,
}: {
  org: number | null;
  chosen: number | null;
  home: boolean;
}) {
  const words = useWords();
  const org = usePage((page) => page.data.orgs?.find((each) => each.id === id) ?? null);
  const loading = usePage((page) => page.data.orgs === null);
  useWaitsOf(id);
  return (
    <nav class="column topics" aria-label={words.topics}>
      <header>
        {home ? (
          <Logo />
        ) : (
          <a class="round back" href={routeTo.companies} aria-label={words.back}>
            <Icon name="back" />
          </a>
        )}
        <h2>{org?.name ?? (home ? '1fin' : '')}</h2>
        {home && <UserMenu />}
      </header>
      {org && <WatchCompany org={org} />}
      <ul class="rows">
        {org?.topics.map((topic) => (
          <TopicRow key={topic.id} org={org.id} topic={topic} chosen={topic.id === chosen} />
        ))}
      </ul>
      {org && <People org={org.id} />}
      {!org && <p class="empty">{loading ? words.loading : words.chooseCompany}</p>}
    </nav>
  );
}

function TopicRow({ org, topic, chosen }: { org: number; topic: Topic; chosen: boolean }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const account = usePage((page) => page.data.account)!;
  const types = usePage((page) => (page.data.typing[topic.id] ?? []).length > 0);
  return (
    <li>
      <a class="row" href={routeTo.topic(topic.id)} aria-current={chosen}>
        <span class="badge-square" aria-hidden="true">
          <TopicIcon kind={topic.kind} />
        </span>
        <span class="row-name">{topic.names[language]}</span>
        <span class="row-time">{topic.last && shortDay(language, topic.last.at)}</span>
        <span class="row-text">{types ? '…' : preview(words, account, topic.last)}</span>
        <Unread count={isGhost(account) ? 0 : topic.unread} />
        <span class="row-marks">
          <TicketMark topic={topic} />
          <WaitMark org={org} topic={topic.id} />
        </span>
      </a>
    </li>
  );
}

export function TicketMark({ topic }: { topic: Topic }) {
  const words = useWords();
  if (!topic.state) return null;
  return <span class={`ticket ${topic.state}`}>{words.states[topic.state]}</span>;
}

/** What only an admin looks after. */
function AdminItems() {
  const words = useWords();
  return (
    <>
      <hr />
      <MenuItem icon="settings" choose={() => app.open({ name: 'firm' })}>
        {words.firm}
      </MenuItem>
      <MenuItem icon="log" choose={() => app.open({ name: 'log', of: {} })}>
        {words.downloads}
      </MenuItem>
      <MenuItem icon="jobs" choose={() => app.open({ name: 'jobs' })}>
        {words.jobs}
      </MenuItem>
    </>
  );
}

function UserMenu() {
  const words = useWords();
  const account = usePage((page) => page.data.account)!;
  const language = usePage((page) => page.language);
  return (
    <Menu icon="menu" label={words.menu}>
      <p class="menu-who">
        <strong>{account.name}</strong>
        <span>{words.roles[account.role]}</span>
      </p>
      <hr />
      <MenuItem icon="devices" choose={() => app.devices.open()}>
        {words.devices}
      </MenuItem>
      <MenuItem icon="key" choose={() => app.devices.openPassword()}>
        {words.changePassword}
      </MenuItem>
      {account.role === 'client' && (
        <MenuItem icon="face_3" choose={() => location.assign(routeTo.office('ratings'))}>
          {words.myRatings}
        </MenuItem>
      )}
      {account.role === 'admin' && <AdminItems />}
      <hr />
      {(Object.keys(languageNames) as Language[]).map((each) => (
        <MenuItem chosen={each === language} choose={() => app.setLanguage(each)}>
          {languageNames[each]}
        </MenuItem>
      ))}
      <hr />
      <MenuItem icon="leave" choose={() => void app.session.logout()}>
        {words.logout}
      </MenuItem>
    </Menu>
  );
}
