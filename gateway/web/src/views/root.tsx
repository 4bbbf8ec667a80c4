// The whole: the login form; figures and pay; or companies, topics and chat side by side. On narrow
// screens one of the three shows at a time; the address says which (data-screen), so that the
// browser's back works.

import { useEffect } from 'preact/hooks';
import { app } from '../app';
import { findTopic } from '../state';
import { Chat } from './chat';
import { Devices } from './devices';
import { DownloadLog } from './download-log';
import { FirmSheet } from './firm';
import { Icon } from './icons';
import { Jobs } from './jobs';
import { Login } from './login';
import { Companies, Topics } from './lists';
import { NewLogin } from './new-login';
import { OfficeLater } from './office-later';
import { Password } from './password';
import { RatingAsk } from './ratings';
import { explain, usePage, useWords } from './use';

export function Root() {
  const signedIn = usePage((page) => page.signedIn);
  const language = usePage((page) => page.language);
  const unread = usePage((page) =>
    (page.data.orgs ?? []).reduce(
      (sum, org) => org.topics.reduce((part, topic) => part + topic.unread, sum),
      0,
    ),
  );
  const ghost = usePage(
    (page) => page.data.account?.role === 'admin' || page.data.account?.role === 'supervisor',
  );

  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  useEffect(() => {
    document.title = signedIn && unread > 0 && !ghost ? `(${unread}) 1fin` : '1fin';
  }, [signedIn, unread, ghost]);

  return signedIn ? <Shell /> : <Login />;
}

function Shell() {
  const words = useWords();
  const account = usePage((page) => page.data.account);
  const route = usePage((page) => page.route);
  const sheet = usePage((page) => page.sheet);
  const found = usePage((page) =>
    page.route.topic === null ? null : (findTopic(page.data, page.route.topic)?.org ?? null),
  );
  if (!account) {
    return (
      <>
        <Status />
        <p class="empty waiting">{words.loading}</p>
      </>
    );
  }
  const client = account.role === 'client';
  const org = client ? account.org : (found?.id ?? route.org);
  const screen = route.topic !== null ? 'chat' : org !== null ? 'topics' : 'companies';
  return (
    <div class="shell" data-screen={screen} data-columns={client ? 2 : 3}>
      <Status />
      {route.office ? (
        <OfficeLater place={route.office} />
      ) : (
        <Columns org={org} home={client} topic={found ? route.topic : null} />
      )}
      {client && <RatingAsk />}
      <NewLogin />
      <Trouble />
      {sheet?.name === 'devices' && <Devices suspects={sheet.suspects} />}
      {sheet?.name === 'password' && <Password />}
      {sheet?.name === 'log' && <DownloadLog of={sheet.of} close={() => app.open(null)} />}
      {sheet?.name === 'jobs' && <Jobs />}
      {sheet?.name === 'firm' && <FirmSheet />}
    </div>
  );
}

interface ColumnsProps {
  org: number | null;
  /** The list of topics is all there is to choose from. */
  home: boolean;
  topic: number | null;
}

function Columns({ org, home, topic }: ColumnsProps) {
  const words = useWords();
  return (
    <>
      {!home && <Companies chosen={org} />}
      <Topics org={org} chosen={topic} home={home} />
      {topic !== null ? (
        <Chat key={topic} topic={topic} />
      ) : (
        <main class="chat idle">
          <div class="empty">
            <Icon name="chat" />
            <strong>{org === null ? words.chooseCompany : words.chooseTopic}</strong>
            <span>{words.chooseHint}</span>
          </div>
        </main>
      )}
    </>
  );
}

/**
 * Says calmly when the connection or the database is away; the style sheet delays it past short
 * gaps.
 */
function Status() {
  const words = useWords();
  const connection = usePage((page) => page.connection);
  const stalled = usePage((page) => page.stalled);
  const text = {
    live: stalled ? words.stalled : null,
    connecting: words.connecting,
    waiting: words.offline,
    away: words.stalled,
    busy: words.busy,
    full: words.tooManyWindows,
    stopped: null,
  };
  return (
    <div class="status" role="status" data-connection={connection}>
      {text[connection] && (
        <p>
          {text[connection]}
          {connection === 'full' && (
            <button type="button" class="plain" onClick={app.reconnect}>
              {words.tryAgain}
            </button>
          )}
        </p>
      )}
    </div>
  );
}

function Trouble() {
  const words = useWords();
  const trouble = usePage((page) => page.trouble);
  return (
    <div class="trouble" role="alert">
      {trouble !== null && (
        <p>
          <Icon name="alert" />
          {explain(words, trouble)}
        </p>
      )}
    </div>
  );
}
