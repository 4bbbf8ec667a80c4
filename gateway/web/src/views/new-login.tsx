// Says that a new device logged in to my account, until I have said whether it was me. It is in
// nobody's way: the page goes on below it.

import { app } from '../app';
import { dateAndTime, deviceName } from '../format';
import { Icon } from './icons';
import { usePage, useWords } from './use';

export function NewLogin() {
  const words = useWords();
  const language = usePage((page) => page.language);
  const logins = usePage((page) => page.data.logins);
  const login = logins.at(-1);
  return (
    <div class="new-login" role="alert">
      {login && (
        <div>
          <p class="new-login-title">
            <Icon name="alert" />
            <strong>{words.newLogin}</strong>
          </p>
          <p>
            {deviceName(login.device ?? '') || words.namelessDevice}
            {login.address && ` · ${login.address}`}
            <br />
            <time dateTime={login.at}>{dateAndTime(language, login.at)}</time>
          </p>
          {logins.length > 1 && <p>{words.moreLogins(logins.length - 1)}</p>}
          <p class="new-login-answers">
            <button
              type="button"
              class="plain"
              onClick={() => app.devices.answerFor(login.session)}
            >
              {words.itWasMe}
            </button>
            <button type="button" class="solid danger" onClick={() => app.devices.disown()}>
              {words.notMe}
            </button>
          </p>
        </div>
      )}
    </div>
  );
}
