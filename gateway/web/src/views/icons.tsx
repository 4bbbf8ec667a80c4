// The page's pictures: strokes on a 24 by 24 field, in the colour of the text around them. They are
// decoration (hidden from screen readers); whoever uses one gives the words.

const paths = {
  back: 'M15 5l-7 7 7 7',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4',
  menu: 'M4 7h16M4 12h16M4 17h16',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  send: 'M5 12h13M12 5l7 7-7 7',
  attach:
    'M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.6-8.6a3.4 3.4 0 0 1 4.8 4.8l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8',
  close: 'M6 6l12 12M18 6L6 18',
  check: 'M4 12.5l5 5L20 6.5',
  read: 'M2 12.5l5 5L17 7M11.5 17l.5.5L22.5 7',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2',
  alert:
    'M12 8v5M12 16.5v.01M10.3 3.9L2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0z',
  reply: 'M10 8L5 13l5 5M5 13h9a5 5 0 0 0 5-5V6',
  edit: 'M4 20l1-4.5L16.5 4a2.1 2.1 0 0 1 3 3L8.5 19 4 20zM14.5 6l3.5 3.5',
  remove: 'M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  redact: 'M4 6h16M4 18h9M4 10.5h16v3H4zM4 12h16',
  note: 'M6 11V8a6 6 0 0 1 12 0v3M5 11h14v10H5zM12 15v2.5',
  unseen:
    'M3 3l18 18M10.6 6.1A9.8 9.8 0 0 1 12 6c5.5 0 9 6 9 6a16 16 0 0 1-2.7 3.3M6.5 7.7C4.3 9.3 3 12 3 12s3.5 6 9 6a9 9 0 0 0 4-1M10 10a2.8 2.8 0 0 0 4 4',
  down: 'M12 5v14M6 13l6 6 6-6',
  stamp: 'M9 14c0-2 1-3 1-5a2 2 0 1 1 4 0c0 2 1 3 1 5M5 14h14v3H5zM6 20.5h12',
  signed:
    'M12 3l2.2 1.7 2.8-.1.8 2.6 2.2 1.7-1 2.6 1 2.6-2.2 1.7-.8 2.6-2.8-.1L12 20l-2.2-1.7-2.8.1-.8-2.6L4 14.1l1-2.6-1-2.6 2.2-1.7.8-2.6 2.8.1zM9 11.5l2.2 2.2L15 10',
  back_to: 'M9 7L4 12l5 5M4 12h11a5 5 0 0 1 5 5v1',
  log: 'M5 4h14v16H5zM9 9h6M9 13h6M9 17h3',
  jobs: 'M12 21a9 9 0 1 1 8.5-6M12 7v5l3 2M21 11v4h-4',
  settings:
    'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2',
  papers: 'M8 3h7l4 4v11H8zM15 3v4h4M5 7v14h10',
  again: 'M20 12a8 8 0 1 1-2.5-5.8M20 4v4h-4',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  download: 'M12 4v11M7 10.5l5 5 5-5M5 20h14',
  devices: 'M3 5h18v11H3zM8 20h8M12 16v4',
  phone:
    'M8 3h8a1.5 1.5 0 0 1 1.5 1.5v15A1.5 1.5 0 0 1 16 21H8a1.5 1.5 0 0 1-1.5-1.5v-15A1.5 1.5 0 0 1 8 3zM11 18h2',
  key: 'M8 19a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM11 12l8.5-8.5M16 7l3 3',
  leave: 'M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9',
  done: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8 12.5l2.8 2.8L16 9.5',
  chat: 'M4 5h16v12H9l-5 4z',
  chart: 'M3.5 20.5h17M6.5 17v-5M12 17V5M17.5 17V9',
  pay: 'M3 6h18v12H3zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM6.5 9v.01M17.5 15v.01',
  rules: 'M5 5h14M5 12h14M5 19h8M17 17v4M15 19h4',
  pause: 'M9 6v12M15 6v12',
  go: 'M8 5l11 7-11 7z',
  next: 'M9 5l7 7-7 7',
  face_1: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 9.5v.01M15 9.5v.01M8 16.5c2-2.7 6-2.7 8 0',
  face_2: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 9.5v.01M15 9.5v.01M8.5 15.8c2-1.3 5-1.3 7 0',
  face_3: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 9.5v.01M15 9.5v.01M8.5 15h7',
  face_4: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 9.5v.01M15 9.5v.01M8.5 14.2c2 1.3 5 1.3 7 0',
  face_5: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 9.5v.01M15 9.5v.01M8 13.5c2 2.7 6 2.7 8 0',
  bank_payment: 'M3.5 9.5L12 4l8.5 5.5zM5.5 9.5V17M10 9.5V17M14 9.5V17M18.5 9.5V17M3.5 20h17',
  contract: 'M6 3h8l4 4v14H6zM14 3v4h4M9 11h6M9 14h3M9 18c1.5-2 2.5-2 3 0 .8-1 1.6-1 3 0',
  invoice:
    'M5 3l2.3 1.7L9.7 3 12 4.7 14.3 3l2.4 1.7L19 3v18l-2.3-1.7L14.3 21 12 19.3 9.7 21l-2.4-1.7L5 21zM9 9.5h6M9 14h6',
  power_of_attorney:
    'M8 10.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20v-1a5.5 5.5 0 0 1 8-4.9M13.5 17l2.5 2.5 5-5.5',
  waybill:
    'M2.5 6h11v10h-11zM13.5 10h4l4 3v3h-8M7 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM17 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
};

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** A topic's picture, by the code of its kind; kinds that a firm adds get a plain one. */
export function TopicIcon({ kind }: { kind: string }) {
  return <Icon name={kind in paths ? (kind as IconName) : 'chat'} />;
}

export function Logo() {
  return <img class="logo" src="icon.svg" alt="" width={32} height={32} />;
}
