// What clients say of rounds that a person closed. A client is asked once after the closing, and
// once more when reminded; later is always an answer. Faces and numbers are alike, none is chosen
// beforehand. The list of rounds has the ratings given, which can be changed for a while.

import { useState } from 'preact/hooks';
import { app } from '../app';
import { PAGE } from '../figures';
import { dateAndTime, shortDay } from '../format';
import { routeTo } from '../page';
import type { Rating } from '../protocol';
import { isStaff } from '../state';
import * as storage from '../storage';
import { Dialog } from './dialog';
import { Icon, TopicIcon, type IconName } from './icons';
import { useAttempt, useKindName, useLoaded, useName, usePage, useWords } from './use';

const scores = [1, 2, 3, 4, 5] as const;
const faceOf = (score: number) => `face_${score}` as IconName;

/** Asks a client for the rating of the newest round that has none, unless they said later. */
export function RatingAsk() {
  const account = usePage((page) => page.data.account)!;
  const told = usePage((page) => page.data.ratingsSeal);
  const typing = usePage((page) => Object.values(page.drafts).some((each) => each.text !== ''));
  const { value, again } = useLoaded(() => app.figures.ratings(), [told]);
  const [asked, setAsked] = useState(() => storage.loadAsked(account.id));
  const open = (value ?? []).filter((each) => each.score === null && each.editable);
  const next = open.find((each) => asked[each.ticket] !== (each.reminded_at ?? ''));
  const later = () => {
    const all = Object.fromEntries(open.map((each) => [each.ticket, each.reminded_at ?? '']));
    storage.saveAsked(account.id, all);
    setAsked(all);
  };
  if (!next || typing) return null;
  return (
    <RatingDialog
      key={next.ticket}
      rating={next}
      close={later}
      done={() => {
        later();
        void again();
      }}
    />
  );
}

interface DialogProps {
  rating: Rating;
  close: () => void;
  done: () => void;
}

function RatingDialog({ rating, close, done }: DialogProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const kindName = useKindName();
  const who = useName()(rating.accountable) ?? rating.accountable_name;
  const [score, setScore] = useState(rating.score);
  const [comment, setComment] = useState(rating.comment ?? '');
  const { attempt, failure } = useAttempt();
  const go = (event: Event) => {
    event.preventDefault();
    if (score === null) return;
    void attempt(async () => {
      await app.figures.rate(rating.ticket, score, comment.trim());
      done();
    });
  };
  return (
    <Dialog title={words.rateQuestion} close={close}>
      <form class="rate" onSubmit={go}>
        <p>
          {words.rateOf(kindName(rating.kind), dateAndTime(language, rating.closed_at))}
          {who && (
            <>
              <br />
              {words.rateWho(who)}
            </>
          )}
        </p>
        <div class="faces" role="radiogroup" aria-label={words.rateQuestion}>
          {scores.map((each) => (
            <label key={each}>
              <input
                type="radio"
                name="score"
                value={each}
                checked={each === score}
                onChange={() => setScore(each)}
              />
              <Icon name={faceOf(each)} />
              <span>
                <span class="face-number">{each}</span> {words.scores[each - 1]}
              </span>
            </label>
          ))}
        </div>
        <label class="field">
          <span class="field-name">
            {words.comment} ({words.optional})
          </span>
          <textarea
            rows={2}
            maxLength={2000}
            value={comment}
            onInput={(event) => setComment(event.currentTarget.value)}
          />
        </label>
        {failure}
        <footer class="form-footer">
          <button type="button" class="plain" onClick={close}>
            {rating.score === null ? words.rateLater : words.cancel}
          </button>
          <button type="submit" class="solid" disabled={score === null}>
            {rating.score === null ? words.rateYes : words.save}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

export function Ratings() {
  const words = useWords();
  const staff = usePage((page) => page.data.account !== null && isStaff(page.data.account));
  const told = usePage((page) => page.data.ratingsSeal);
  const { value, setValue, failure, again } = useLoaded(() => app.figures.ratings(), [told]);
  const [editing, setEditing] = useState<Rating | null>(null);
  const { attempt, failure: moreFailure } = useAttempt();
  const more = () =>
    attempt(async () => {
      const page = await app.figures.ratings(value?.at(-1)?.ticket);
      setValue([...(value ?? []), ...page]);
    });
  return (
    <section aria-label={staff ? words.staffRatings : words.myRatings}>
      <p class="hint">{staff ? words.staffRatingsHint : words.myRatingsHint}</p>
      {failure}
      {!value && !failure && <p class="empty">{words.loading}</p>}
      {value?.length === 0 && (
        <div class="empty">
          <Icon name="done" />
          <strong>{words.noRatings}</strong>
        </div>
      )}
      <ul class="ratings">
        {value?.map((rating) => (
          <RatingRow
            key={rating.ticket}
            rating={rating}
            edit={!staff && rating.editable ? () => setEditing(rating) : null}
          />
        ))}
      </ul>
      {moreFailure}
      {value && value.length > 0 && value.length % PAGE === 0 && (
        <p class="card-more">
          <button type="button" class="plain" onClick={() => void more()}>
            {words.more}
          </button>
        </p>
      )}
      {editing && (
        <RatingDialog
          rating={editing}
          close={() => setEditing(null)}
          done={() => {
            setEditing(null);
            void again();
          }}
        />
      )}
    </section>
  );
}

function RatingRow({ rating, edit }: { rating: Rating; edit: (() => void) | null }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const staff = usePage((page) => page.data.account !== null && isStaff(page.data.account));
  const kindName = useKindName();
  const who = useName()(rating.accountable) ?? rating.accountable_name;
  const { score } = rating;
  return (
    <li data-ticket={rating.ticket}>
      <span class="badge-square" aria-hidden="true">
        <TopicIcon kind={rating.kind} />
      </span>
      <div class="rating-what">
        <p>
          <a href={routeTo.topic(rating.topic)}>
            {staff ? `${rating.org_name} · ${kindName(rating.kind)}` : kindName(rating.kind)}
          </a>
        </p>
        <p class="rating-facts">
          {[who, words.closedOn(shortDay(language, rating.closed_at))].filter(Boolean).join(' · ')}
        </p>
        {rating.comment && <p class="rating-comment">{rating.comment}</p>}
      </div>
      <p class={score === null ? 'rating-score none' : 'rating-score'}>
        {score !== null && <Icon name={faceOf(score)} />}
        <span>{score === null ? words.notRated : `${score} — ${words.scores[score - 1]}`}</span>
      </p>
      {edit && (
        <button type="button" class="plain" onClick={edit}>
          {score === null ? words.rateIt : words.changeRating}
        </button>
      )}
    </li>
  );
}
