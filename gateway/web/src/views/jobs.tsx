// For admins: what the gateways do beside, and what of it failed for good until it is started again.

import { useEffect, useState } from 'preact/hooks';
import { app } from '../app';
import { PAGE } from '../firm';
import { dateAndTime } from '../format';
import type { DocumentReason, Job, JobState } from '../protocol';
import { Dialog } from './dialog';
import { Icon } from './icons';
import { useAttempt, usePage, useWords } from './use';

const states: JobState[] = ['failed', 'waiting', 'running'];

export function Jobs() {
  const words = useWords();
  const told = usePage((page) => page.data.jobsSeal);
  const [state, setState] = useState<JobState>('failed');
  const [jobs, setJobs] = useState<Job[] | null>(null);
  const [more, setMore] = useState(false);
  const { attempt, failure } = useAttempt();
  const load = (known: Job[]) =>
    attempt(async () => {
      const page = await app.firm.jobs(state, known.at(-1)?.id);
      setJobs([...known, ...page]);
      setMore(page.length === PAGE);
    });
  const retry = (job: number) =>
    attempt(async () => {
      await app.firm.retry(job);
      setJobs((all) => all && all.filter((each) => each.id !== job));
    });
  useEffect(() => void load([]), [state, told]);
  const choose = (chosen: JobState) => {
    setJobs(null);
    setState(chosen);
  };
  return (
    <Dialog title={words.jobs} close={() => app.open(null)} kind="wide">
      <p>{words.jobsHint}</p>
      <div class="chips" role="group" aria-label={words.jobs}>
        {states.map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={each === state}
            onClick={() => choose(each)}
          >
            {words.jobStates[each]}
          </button>
        ))}
      </div>
      {jobs === null && failure === null && <p class="empty">{words.loading}</p>}
      {jobs?.length === 0 && (
        <div class="empty">
          <Icon name="done" />
          <span>{words.noJobs}</span>
        </div>
      )}
      <ul class="jobs">
        {jobs?.map((job) => (
          <JobRow key={job.id} job={job} retry={() => void retry(job.id)} />
        ))}
      </ul>
      {failure}
      {more && (
        <footer>
          <button type="button" class="plain" onClick={() => void load(jobs ?? [])}>
            {words.more}
          </button>
        </footer>
      )}
    </Dialog>
  );
}

function JobRow({ job, retry }: { job: Job; retry: () => void }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const why =
    job.reason && (words.reasons[job.reason as DocumentReason] ?? words.jobReasons[job.reason]);
  return (
    <li>
      <div>
        <p>
          <strong>{words.jobKinds[job.kind] ?? job.kind}</strong>{' '}
          {job.document_name && <span>{job.document_name}</span>}
        </p>
        <p class="job-facts">
          <time dateTime={job.at}>{dateAndTime(language, job.at)}</time>
          {job.attempts > 0 && ` · ${words.attempts(job.attempts)}`}
        </p>
        {why && <p>{why}</p>}
        {job.message && <p class="job-said">{job.message}</p>}
      </div>
      {job.state === 'failed' && (
        <button type="button" class="plain" onClick={retry}>
          <Icon name="again" />
          {words.retryJob}
        </button>
      )}
    </li>
  );
}
