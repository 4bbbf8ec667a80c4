// The way in.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { relative } from '../format';
import { languageNames, type Dictionary } from '../i18n';
import type { LoginFailure } from '../page';
import type { Language } from '../protocol';
import { Icon, Logo } from './icons';
import { usePage, useWords } from './use';

export function Login() {
  const words = useWords();
  const language = usePage((page) => page.language);
  const busy = usePage((page) => page.loggingIn);
  const failure = usePage((page) => page.loginFailure);
  const [login, setLogin] = useState('');
  const [password, setPassword] = useState('');

  const enter = (event: Event) => {
    event.preventDefault();
    if (!busy) app.session.login(login.trim(), password);
  };

  return (
    <main class="login">
      <form onSubmit={enter}>
        <div class="brand">
          <Logo />
          <h1>1fin</h1>
        </div>
        <p class="tagline">{words.tagline}</p>
        <label>
          {words.login}
          <input
            name="login"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            value={login}
            onInput={(event) => setLogin(event.currentTarget.value)}
          />
        </label>
        <label>
          {words.password}
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <div role="alert">
          {failure && (
            <p class={failure === 'sessionEnded' ? 'tip' : 'tip bad'}>
              <Icon name="alert" />
              {explainLogin(words, language, failure)}
            </p>
          )}
        </div>
        <button type="submit" class="solid" disabled={busy}>
          {busy ? words.entering : words.enter}
        </button>
      </form>
      <Languages />
    </main>
  );
}

function explainLogin(words: Dictionary, language: Language, failure: LoginFailure): string {
  if (typeof failure === 'string') return words[failure];
  return words.throttled(relative(language, failure.wait));
}

function Languages() {
  const words = useWords();
  const language = usePage((page) => page.language);
  return (
    <div class="languages" role="group" aria-label={words.language}>
      {(Object.keys(languageNames) as Language[]).map((each) => (
        <button
          type="button"
          lang={each}
          aria-pressed={each === language}
          onClick={() => app.setLanguage(each)}
        >
          {languageNames[each]}
        </button>
      ))}
    </div>
  );
}
