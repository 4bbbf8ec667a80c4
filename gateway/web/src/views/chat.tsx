// An open topic: its heading, the messages, and below them the input. Supervisors and admins see a
// banner in place of the input, until they choose to write.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { size } from '../format';
import { routeTo } from '../page';
import type { Topic } from '../protocol';
import { findTopic, isGhost, isStaff } from '../state';
import { Composer } from './composer';
import { Question } from './dialog';
import { Icon, TopicIcon } from './icons';
import { TicketMark } from './lists';
import { Messages } from './messages';
import { Papers } from './papers';
import { usePage, useWords } from './use';
import { WaitStrip } from './waits';

export function Chat({ topic }: { topic: number }) {
  const words = useWords();
  const ghost = usePage((page) => page.data.account !== null && isGhost(page.data.account));
  const [writing, setWriting] = useState(false);
  const [dropping, setDropping] = useState(false);
  const language = usePage((page) => page.language);
  const most = usePage((page) => page.data.settings.upload_bytes);
  const papers = usePage((page) => page.sheet?.name === 'papers' && page.sheet.topic === topic);
  const staff = usePage((page) => page.data.account !== null && isStaff(page.data.account));
  const mayWrite = !ghost || writing;

  const dragged = (event: DragEvent) => {
    if (!mayWrite || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    setDropping(event.type === 'dragover');
    if (event.type === 'drop') app.attaching.attach(topic, event.dataTransfer.files);
  };

  return (
    <main
      class="chat"
      data-ghost={ghost}
      onDragOver={dragged}
      onDragLeave={dragged}
      onDrop={dragged}
    >
      <Heading topic={topic} mayClose={mayWrite} />
      {staff && <WaitStrip topic={topic} />}
      {ghost && (
        <p class="ghost" role="note">
          <Icon name={writing ? 'alert' : 'unseen'} />
          <span>
            <strong>{writing ? words.writingOpenly : words.watching}</strong>
            {!writing && <span>{words.watchingHint}</span>}
          </span>
          <button type="button" class="plain" onClick={() => setWriting(!writing)}>
            {writing ? words.keepWatching : words.writeAnyway}
          </button>
        </p>
      )}
      <Messages topic={topic} mayWrite={mayWrite} />
      {mayWrite && <Composer topic={topic} />}
      {dropping && (
        <p class="drop">
          <Icon name="attach" />
          {words.drop}
          {most !== undefined && <span>{words.dropUpTo(size(language, most))}</span>}
        </p>
      )}
      {papers && (
        <Papers topic={topic} mayHandle={staff && mayWrite} close={() => app.open(null)} />
      )}
    </main>
  );
}

function Heading({ topic: id, mayClose }: { topic: number; mayClose: boolean }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const org = usePage((page) => findTopic(page.data, id)?.org)!;
  const staff = usePage((page) => page.data.account !== null && isStaff(page.data.account));
  const topic = org.topics.find((each) => each.id === id)!;
  return (
    <header class="heading">
      <a
        class="round back"
        href={staff ? routeTo.company(org.id) : routeTo.companies}
        aria-label={words.back}
      >
        <Icon name="back" />
      </a>
      <span class="badge-square" aria-hidden="true">
        <TopicIcon kind={topic.kind} />
      </span>
      <div class="heading-names">
        <h2>{topic.names[language]}</h2>
        <p>
          <span class="heading-org">{org.name}</span>
          <TicketMark topic={topic} />
        </p>
      </div>
      <button
        type="button"
        class="round"
        aria-label={words.papers}
        title={words.papers}
        onClick={() => app.open({ name: 'papers', topic: id })}
      >
        <Icon name="papers" />
      </button>
      {staff && mayClose && <RoundDoing topic={topic} />}
    </header>
  );
}

/** What staff may do with the round: close it, have it wait for the client, go on with it. */
function RoundDoing({ topic: { id, state } }: { topic: Topic }) {
  const words = useWords();
  const [asking, setAsking] = useState(false);
  if (state === null) return null;
  const next = {
    open: { how: 'await_client', icon: 'pause', name: words.awaitClient, hint: words.awaitHint },
    waiting_client: { how: 'reopen', icon: 'go', name: words.reopen, hint: words.reopenHint },
    closed: { how: 'reopen', icon: 'go', name: words.openAgain, hint: words.openAgainHint },
  } as const;
  const { how, icon, name, hint } = next[state];
  return (
    <>
      <button
        type="button"
        class="plain round-doing"
        title={hint}
        onClick={() => void app.writing.setRound(how, id)}
      >
        <Icon name={icon} />
        <span>{name}</span>
      </button>
      {state !== 'closed' && (
        <button
          type="button"
          class="plain round-doing"
          title={words.closeTopic}
          onClick={() => setAsking(true)}
        >
          <Icon name="done" />
          <span>{words.closeTopic}</span>
        </button>
      )}
      {asking && (
        <Question
          title={words.closeQuestion}
          hint={words.closeHint}
          yes={words.close}
          answer={() => void app.writing.setRound('close', id)}
          close={() => setAsking(false)}
        />
      )}
    </>
  );
}
