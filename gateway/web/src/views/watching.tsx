// For supervisors and admins: switches that watch a whole department or company unseen, and the
// mark of what is watched so.

import { app } from '../app';
import type { Org } from '../protocol';
import { isGhost, isWatched, type State } from '../state';
import { Icon } from './icons';
import { Menu, MenuItem } from './menu';
import { usePage, useWords } from './use';

const company = (id: number) => ({ kind: 'org', id }) as const;
const department = (id: number) => ({ kind: 'department', id }) as const;

const withDepartment = (data: State, org: Org) =>
  org.department !== null && isWatched(data, department(org.department));

/** Chooses departments: a supervisor has one, an admin all. */
export function WatchMenu() {
  const words = useWords();
  const ghost = usePage((page) => page.data.account !== null && isGhost(page.data.account));
  const departments = usePage((page) => page.data.departments);
  const watched = usePage((page) => page.data.watched);
  const any = watched.some((target) => target.kind === 'department');
  if (!ghost || departments.length === 0) return null;
  return (
    <Menu icon="unseen" label={words.watchUnseen} class={any ? 'watching' : ''}>
      <p class="menu-who">
        <strong>{words.watchUnseen}</strong>
        <span>{words.watchingHint}</span>
        <span>{words.watchUnseenHint}</span>
      </p>
      <hr />
      {departments.map(({ id, name }) => (
        <DepartmentItem key={id} id={id} name={name} />
      ))}
    </Menu>
  );
}

function DepartmentItem({ id, name }: { id: number; name: string }) {
  const words = useWords();
  const on = usePage((page) => isWatched(page.data, department(id)));
  return (
    <MenuItem checked={on} choose={() => app.watching.set(department(id), !on)}>
      {words.watchDepartment(name)}
    </MenuItem>
  );
}

/** Watches all of the open company. */
export function WatchCompany({ org }: { org: Org }) {
  const words = useWords();
  const on = usePage((page) => isWatched(page.data, company(org.id)));
  const ghost = usePage((page) => page.data.account !== null && isGhost(page.data.account));
  const live = usePage((page) => page.connection === 'live');
  const around = usePage((page) =>
    withDepartment(page.data, org)
      ? page.data.departments.find((each) => each.id === org.department)
      : undefined,
  );
  if (!ghost) return null;
  return (
    <div class="watch">
      <button
        type="button"
        role="switch"
        aria-checked={on}
        disabled={!live}
        title={words.watchingHint}
        onClick={() => app.watching.set(company(org.id), !on)}
      >
        <Icon name="unseen" />
        <span>{words.watchCompany}</span>
        <span class="switch" aria-hidden="true" />
      </button>
      {around && <p>{words.watchedWith(around.name)}</p>}
    </div>
  );
}

/** Marks a company of the list that is watched, by itself or with its department. */
export function WatchMark({ org }: { org: Org }) {
  const words = useWords();
  const watched = usePage(
    (page) => isWatched(page.data, company(org.id)) || withDepartment(page.data, org),
  );
  if (!watched) return null;
  return (
    <span class="watch-mark" role="img" aria-label={words.watched} title={words.watched}>
      <Icon name="unseen" />
    </span>
  );
}
