// Beside the chats: figures, who waits, ratings, pay and its rules, each behind a tab that the role
// has. The address says which, of which month and of whom.

import { monthAfter, monthName } from '../amounts';
import { dayKey } from '../format';
import { routeTo, type Office as Place, type Section } from '../page';
import type { Role } from '../protocol';
import { Figures } from './figures';
import { Icon, type IconName } from './icons';
import { PayrollView } from './payroll';
import { Ratings } from './ratings';
import { Rules } from './rules';
import { usePage, useWords } from './use';
import { WaitsView } from './waits';

const sectionsOf: Record<Role, Section[]> = {
  client: ['ratings'],
  accountant: ['figures', 'waits', 'ratings'],
  supervisor: ['figures', 'waits', 'ratings', 'payroll'],
  admin: ['figures', 'waits', 'ratings', 'payroll', 'rules'],
};

const icons: Record<Section, IconName> = {
  figures: 'chart',
  waits: 'clock',
  ratings: 'face_3',
  payroll: 'pay',
  rules: 'rules',
};

export function Office({ place }: { place: Place }) {
  const words = useWords();
  const role = usePage((page) => page.data.account?.role) ?? 'client';
  const mine = sectionsOf[role];
  const section = mine.includes(place.section) ? place.section : mine[0]!;
  const of = `${place.month}.${place.account}`; // of another month nothing is shown meanwhile
  return (
    <main class="office">
      <header class="heading">
        <a class="round back" href={routeTo.companies} aria-label={words.toChats}>
          <Icon name="back" />
        </a>
        <h1>{role === 'client' ? words.myRatings : words.office}</h1>
        {(section === 'figures' || section === 'payroll') && <Months place={place} />}
      </header>
      {mine.length > 1 && <Tabs sections={mine} chosen={section} month={place.month} />}
      <div class="office-scroll">
        <div class="office-content">
          {section === 'figures' && <Figures key={of} place={place} />}
          {section === 'waits' && <WaitsView />}
          {section === 'ratings' && <Ratings />}
          {section === 'payroll' && <PayrollView key={of} place={place} />}
          {section === 'rules' && <Rules />}
        </div>
      </div>
    </main>
  );
}

interface TabsProps {
  sections: Section[];
  chosen: Section;
  month: string | null;
}

function Tabs({ sections, chosen, month }: TabsProps) {
  const words = useWords();
  return (
    <nav class="tabs" aria-label={words.office}>
      {sections.map((each) => (
        <a
          key={each}
          href={routeTo.office(each, month)}
          aria-current={each === chosen ? 'page' : undefined}
        >
          <Icon name={icons[each]} />
          <span>{words.sections[each]}</span>
        </a>
      ))}
    </nav>
  );
}

/** The month that goes on in the firm's zone. */
const thisMonth = () => `${dayKey(new Date()).slice(0, 7)}-01`;

function Months({ place: { section, month, account } }: { place: Place }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const now = thisMonth();
  const shown = month ?? now;
  const later = monthAfter(shown, 1);
  const link = (to: string) => routeTo.office(section, to === now ? null : to, account);
  return (
    <div class="months">
      <a class="round" href={link(monthAfter(shown, -1))} aria-label={words.earlierMonth}>
        <Icon name="back" />
      </a>
      <strong>{monthName(language, shown)}</strong>
      {shown < now ? (
        <a class="round" href={link(later)} aria-label={words.laterMonth}>
          <Icon name="next" />
        </a>
      ) : (
        <span class="round" aria-hidden="true" />
      )}
    </div>
  );
}
