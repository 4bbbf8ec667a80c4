// Days of a month: how many answers (bars), and how fast (line), drawn by uPlot in the page's
// colours; the same as a table for who does not see it.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { duration, monthAfter } from '../amounts';
import type { Dictionary } from '../i18n';
import type { DayFigures, Language } from '../protocol';
import { usePage, useWords } from './use';

const HEIGHT = 240;
const MINUTE = 60;
const HOUR = 3_600;
/** Between the lines of the axis of durations, in seconds. */
const STEPS = [1, 5, 10, 30]
  .concat([1, 2, 5, 10, 15, 30].map((each) => each * MINUTE))
  .concat([1, 2, 4, 6, 8, 12, 24, 48, 96, 192].map((each) => each * HOUR));
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

interface Props {
  month: string;
  days: readonly DayFigures[];
}

const dayOf = ({ day }: DayFigures) => Number(day.slice(8, 10));

export function Chart({ month, days }: Props) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const place = box.current;
    if (!place) return;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(words, language, place.clientWidth), dataOf(month, days), place);
    };
    draw();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const sized = new ResizeObserver(() =>
      plot?.setSize({ width: place.clientWidth, height: HEIGHT }),
    );
    dark.addEventListener('change', draw);
    sized.observe(place);
    return () => {
      dark.removeEventListener('change', draw);
      sized.disconnect();
      plot?.destroy();
    };
  }, [month, days, language]);
  return (
    <section class="card" aria-label={words.byDay}>
      <h2>{words.byDay}</h2>
      <p class="hint">{words.byDayHint}</p>
      <div class="chart" ref={box} role="img" aria-label={words.byDayHint} />
      <Table days={days} />
    </section>
  );
}

/** Every day of the month, so that days without answers are gaps. */
function dataOf(month: string, days: readonly DayFigures[]): uPlot.AlignedData {
  const next = Date.parse(monthAfter(month, 1));
  const length = Math.round((next - Date.parse(month)) / 86_400_000);
  const all = Array.from({ length }, (_, at) => at + 1);
  const found = new Map(days.map((each) => [dayOf(each), each]));
  return [
    all,
    all.map((each) => found.get(each)?.response_count ?? null),
    all.map((each) => found.get(each)?.response_median ?? null),
  ];
}

function options(words: Dictionary, language: Language, width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--soft'),
    font: '12px system-ui, sans-serif',
    ticks: { show: false },
  };
  const grid = { stroke: colour('--line'), width: 1 };
  const time = (value: number | null) => (value == null ? '–' : duration(language, value));
  return {
    width,
    height: HEIGHT,
    cursor: { y: false, drag: { setScale: false, x: false, y: false } },
    scales: {
      x: { time: false, range: (_, low, high) => [low - 0.6, high + 0.6] },
      count: { range: (_, __, high) => [0, Math.max(4, high * 1.6)] },
      time: { range: (_, __, high) => [0, Math.max(MINUTE, high * 1.15)] },
    },
    axes: [
      { ...axis, grid: { show: false }, incrs: [1, 2, 5, 7], space: 26, size: 28 },
      {
        ...axis,
        scale: 'time',
        grid,
        incrs: STEPS,
        size: 76,
        space: 36,
        values: (_, splits) => splits.map((each) => (each === 0 ? '' : time(each))),
      },
      {
        ...axis,
        scale: 'count',
        side: 1,
        grid: { show: false },
        incrs: COUNTS,
        size: 34,
        space: 36,
        values: (_, splits) => splits.map((each) => (each === 0 ? '' : String(each))),
      },
    ],
    series: [
      { label: words.day, value: (_, value) => String(value ?? '–') },
      {
        label: words.answers,
        scale: 'count',
        fill: colour('--bar'),
        stroke: colour('--bar'),
        width: 0,
        paths: uPlot.paths.bars!({ size: [0.7, 28], radius: 0.25 }),
        points: { show: false },
        value: (_, value) => String(value ?? '–'),
      },
      {
        label: words.responseTime,
        scale: 'time',
        stroke: colour('--accent'),
        width: 2,
        spanGaps: true,
        points: { show: true, size: 6, fill: colour('--panel') },
        value: (_, value) => time(value),
      },
    ],
  };
}

function Table({ days }: { days: readonly DayFigures[] }) {
  const words = useWords();
  const language = usePage((page) => page.language);
  return (
    <details class="as-table">
      <summary>{words.chartTable}</summary>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">{words.day}</th>
            <th scope="col">{words.answers}</th>
            <th scope="col">{words.responseTime}</th>
          </tr>
        </thead>
        <tbody>
          {days
            .filter((each) => each.response_count > 0)
            .map((each) => (
              <tr key={each.day}>
                <th scope="row">{dayOf(each)}</th>
                <td data-label={words.answers}>{each.response_count}</td>
                <td data-label={words.responseTime}>{duration(language, each.response_median)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </details>
  );
}
