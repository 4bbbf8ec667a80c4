// The protocol's shapes for waits, figures, ratings and pay. Durations are seconds of business time,
// sums are texts of so'm, shares go from 0 to 1; null is what there is none of, which is never 0.

import type { Role } from './protocol';

export type WaitKind = 'first' | 'next' | 'resolution';

/** A client waits: for the firm's word, or for the end of the round. */
export interface Wait {
  id: number;
  kind: WaitKind;
  org: number;
  org_name: string;
  topic: number;
  /** Code of the topic's kind. */
  topic_kind: string;
  ticket: number;
  /** The message that began it. */
  message: number;
  /** What was said elsewhere: it is measured only, and never late. */
  imported: boolean;
  started_at: string;
  target: number | null;
  warn_at: string | null;
  due_at: string | null;
  /** Since when the clock stands, because the firm waits for the client. */
  paused_at: string | null;
  warned_at: string | null;
  breached_at: string | null;
  /** Until the target is reached; negative when it is behind. */
  left: number | null;
  waited: number;
  assigned: number[];
}

export interface WaitsReply {
  seal: number;
  now: string;
  waits: Wait[];
}

/** A round that a person closed, and what the client said of it. */
export interface Rating {
  ticket: number;
  org: number;
  org_name: string;
  topic: number;
  /** Code of the topic's kind. */
  kind: string;
  accountable: number | null;
  accountable_name: string | null;
  opened_at: string;
  closed_at: string;
  score: number | null;
  comment: string | null;
  at: string | null;
  first_at: string | null;
  /** It may be given or changed still. */
  editable: boolean;
  reminded_at: string | null;
}

export interface RatingsReply {
  seal: number;
  ratings: Rating[];
}

export interface Policy {
  id: number;
  kind: string | null;
  org: number | null;
  org_name: string | null;
  from: string;
  first: number | null;
  next: number | null;
  resolution: number | null;
  warn_share: number;
}

/** What is measured of waits; a response is a first or a next one. */
export type Part = 'first' | 'next' | 'response' | 'resolution';

type Measures = { [K in `${Part}_count`]: number } & {
  [K in `${Part}_${'mean' | 'median' | 'p90' | 'within'}`]: number | null;
};

export type Figures = Measures & {
  tickets_closed: number;
  documents_processed: number;
  documents_returned: number;
  ratings: number;
  rating_mean: number | null;
  ratings_positive: number;
  /** Closed, and never answered. */
  unanswered: number;
  dismissed: number;
  missed: number;
  /** Clients that wait for a word now, and rounds that are open now. */
  backlog: number;
  workload: number;
};

export type PersonFigures = Figures & {
  account_id: number;
  account: string;
  role: Role;
  department_id: number | null;
};
export type OrgFigures = Figures & { org_id: number; org: string };
export type KindFigures = Figures & { kind: string };
/** Without what holds only now. */
export type DayFigures = Omit<Figures, 'backlog' | 'workload'> & { day: string };

export interface KpiReply {
  seal: number;
  /** Its first day. */
  month: string;
  staff: PersonFigures[];
  orgs: OrgFigures[];
  kinds: KindFigures[];
  days: DayFigures[];
}

export type BonusKind = 'document' | 'rating' | 'sla' | 'minimum' | 'cap' | 'correction';

export interface BonusLine {
  line: number;
  kind: BonusKind;
  /** Code of a topic's kind, of documents. */
  topic_kind: string | null;
  quantity: number;
  rate: string;
  amount: string;
  /** Of answers on time. */
  share: number | null;
  rule: number | null;
  reason: string | null;
}

export interface BonusPerson {
  account: number;
  name: string;
  department: number | null;
  total: string;
  lines: BonusLine[];
}

export interface BonusReply {
  month: string;
  state: 'running' | 'ended' | 'closed';
  people: BonusPerson[];
}

/** One of the rows that a sum was computed from. */
export interface PayslipItem {
  line: number;
  source: 'document' | 'rating' | 'wait';
  id: number;
  at: string;
  org: number | null;
  org_name: string | null;
  topic: number | null;
  topic_kind: string | null;
  document_name: string | null;
  message: number | null;
  answer: number | null;
  score: number | null;
  duration: number | null;
  target: number | null;
  within: boolean | null;
  counts: boolean;
}

export interface BonusRule {
  id: number;
  from: string;
  /** By code of the topic's kind. */
  document_rates: Record<string, string>;
  rating_rate: string | null;
  rating_min: number;
  sla_tiers: { share: number; amount: string }[];
  min_documents: number;
  cap: string | null;
}

/** From and until a time of day; until 24:00 at most. */
export interface Hours {
  from: string;
  until: string;
}

/** A day of other hours than its weekday has; of none the firm is closed. */
export interface CalendarDay {
  day: string;
  name: string;
  hours: Hours[];
  /** It is switched on. */
  active: boolean;
  /** Of a movable feast: it has been announced. */
  confirmed: boolean;
  holiday: boolean;
}

export interface Calendar {
  id: number;
  name: string;
  time_zone: string;
  /** Weekdays from 1, Monday, to 7. */
  hours: (Hours & { weekday: number })[];
  exceptions: CalendarDay[];
}

/** Which topics go by which calendar: those of a company, a kind, both, or all. */
export interface CalendarUse {
  org: number | null;
  org_name: string | null;
  kind: string | null;
  calendar: number;
}
