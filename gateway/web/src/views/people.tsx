// Who else takes part in a company's conversations, with a dot beside those who are there now. Of
// who is away nothing is said.

import { app } from '../app';
import { initials } from '../format';
import type { Member } from '../protocol';
import { Icon } from './icons';
import { usePage, useWords } from './use';

const none: readonly Member[] = [];

export function People({ org }: { org: number }) {
  const words = useWords();
  const me = usePage((page) => page.data.account?.id);
  const members = usePage((page) => page.data.members[org]) ?? none;
  const others = members.filter((member) => member.id !== me);
  if (others.length === 0) return null;
  return (
    <section class="people" aria-label={words.people}>
      <h3>{words.people}</h3>
      <ul>
        {others.map((member) => (
          <Person key={member.id} member={member} />
        ))}
      </ul>
    </section>
  );
}

function Person({ member }: { member: Member }) {
  const words = useWords();
  const here = usePage((page) => page.data.here.includes(member.id));
  const admin = usePage((page) => page.data.account?.role === 'admin');
  return (
    <li class="person">
      <span class="person-badge">
        <span aria-hidden="true">{initials(member.name)}</span>
        {here && <span class="here" role="img" aria-label={words.here} title={words.here} />}
      </span>
      <span class="person-name">{member.name}</span>
      <span class="person-role">{words.roles[member.role]}</span>
      {admin && (
        <button
          type="button"
          class="round"
          aria-label={words.logOf(member.name)}
          title={words.logOf(member.name)}
          onClick={() => app.open({ name: 'log', of: { account: member.id } })}
        >
          <Icon name="log" />
        </button>
      )}
    </li>
  );
}
