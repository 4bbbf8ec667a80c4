// For admins: what figures and pay are measured by.

import { BonusRules } from './bonus-rules';
import { Calendars } from './calendars';
import { Policies } from './policies';

export function Rules() {
  return (
    <>
      <Policies />
      <Calendars />
      <BonusRules />
    </>
  );
}
