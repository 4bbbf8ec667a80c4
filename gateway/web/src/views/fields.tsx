// Fields of forms that several sheets have.

import { Icon } from './icons';
import { usePage, useWords } from './use';

interface ChoiceProps<T> {
  label: string;
  value: T | null;
  options: readonly { value: T; name: string }[];
  /** What it means to choose none of them; without it one has to. */
  none?: string;
  choose: (value: T | null) => void;
}

export function Choice<T extends string | number>(props: ChoiceProps<T>) {
  const { label, value, options, none, choose } = props;
  return (
    <label class="field">
      {label}
      <select
        required={none === undefined}
        value={value ?? ''}
        onChange={({ currentTarget }) =>
          choose(options.find((each) => String(each.value) === currentTarget.value)?.value ?? null)
        }
      >
        <option value="">{none ?? ''}</option>
        {options.map((each) => (
          <option key={each.value} value={each.value} selected={each.value === value}>
            {each.name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ForProps {
  kind: string | null;
  org: number | null;
  choose: (part: { kind: string | null } | { org: number | null }) => void;
}

/** For which topics something holds. */
export function ForWhich({ kind, org, choose }: ForProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const orgs = usePage((page) => page.data.orgs) ?? [];
  return (
    <>
      <Choice
        label={words.forCompany}
        value={org}
        none={words.everyCompany}
        options={orgs.map((each) => ({ value: each.id, name: each.name }))}
        choose={(chosen) => choose({ org: chosen })}
      />
      <Choice
        label={words.forKind}
        value={kind}
        none={words.everyKind}
        options={(orgs[0]?.topics ?? []).map((each) => ({
          value: each.kind,
          name: each.names[language],
        }))}
        choose={(chosen) => choose({ kind: chosen })}
      />
    </>
  );
}

/** The same in words: company, kind, or that it is for all. */
export function forWhich(
  words: { everyCompany: string; everyKind: string },
  org: string | null,
  kind: string | null,
): string {
  return `${org ?? words.everyCompany} · ${kind ?? words.everyKind}`;
}

export function Done({ text }: { text: string }) {
  return (
    <p class="tip" role="status">
      <Icon name="check" />
      {text}
    </p>
  );
}

interface FooterProps {
  yes: string;
  ready?: boolean;
  close: () => void;
}

export function FormFooter({ yes, ready = true, close }: FooterProps) {
  const words = useWords();
  return (
    <footer class="form-footer">
      <button type="button" class="plain" onClick={close}>
        {words.cancel}
      </button>
      <button type="submit" class="solid" disabled={!ready}>
        {yes}
      </button>
    </footer>
  );
}
