// The parts of the app, put together. Views read the store and call the parts; nothing else writes.

import { Attaching } from './attaching';
import { Calendars } from './calendars';
import { Core } from './core';
import { Devices } from './devices';
import { Figures } from './figures';
import { Firm } from './firm';
import { Handling } from './handling';
import type { Sheet } from './page';
import { Payroll } from './payroll';
import type { Language } from './protocol';
import { Reading } from './reading';
import { Session } from './session';
import * as storage from './storage';
import { Watching } from './watching';
import { Writing } from './writing';

const core = new Core();
const watching = new Watching(core);
const handling = new Handling(core);
const reading = new Reading(core, watching, handling);
const writing = new Writing(core);
const devices = new Devices(core);
const attaching = new Attaching(core, writing);
const session = new Session(core, {
  notified: (method, params) => reading.notified(method, params),
  live: () => {
    reading.live();
    void writing.pump();
  },
  ended: () => {
    attaching.cancelAll();
    watching.ended();
  },
});

function setLanguage(language: Language): void {
  storage.save('language', language);
  core.set({ language });
}

export const app = {
  store: core.store,
  session,
  reading,
  watching,
  writing,
  attaching,
  handling,
  firm: new Firm(core),
  figures: new Figures(core),
  payroll: new Payroll(core),
  calendars: new Calendars(core),
  devices,
  setLanguage,
  open: (sheet: Sheet | null) => core.set({ sheet }),
  reconnect: () => core.connection.again(),
  refusal: (error: unknown) => core.refusal(error),
};

session.takeUp();
