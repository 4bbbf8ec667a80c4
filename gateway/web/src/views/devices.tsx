// My devices: where I am logged in, and the way to end that elsewhere. A suspect, told of as a new
// device, is marked; the list is read anew whenever a session of mine begins or ends.

import { useEffect, useRef, useState } from 'preact/hooks';
import { app } from '../app';
import { ago, dateAndTime, deviceName, isHandheld } from '../format';
import type { Device } from '../protocol';
import { Dialog } from './dialog';
import { Icon } from './icons';
import { explain, usePage, useWords } from './use';

export function Devices({ suspects }: { suspects: readonly number[] }) {
  const words = useWords();
  const changed = usePage((page) => page.data.sessionsSeal);
  const [devices, setDevices] = useState<Device[] | null>(null);
  /** Which device is to be ended, once that is confirmed. */
  const [asking, setAsking] = useState<number | 'others' | null>(null);
  const [ended, setEnded] = useState<number | null>(null);
  const [failure, setFailure] = useState<number | null>(null);
  const list = useRef<HTMLUListElement>(null);

  const attempt = async (doing: () => Promise<void>) => {
    try {
      await doing();
      setFailure(null);
    } catch (error) {
      setFailure(app.refusal(error)?.code ?? null);
    }
  };
  const load = async () => setDevices(await app.devices.list());
  useEffect(() => void attempt(load), [changed]);

  const ask = (device: number | 'others' | null) => {
    setAsking(device);
    setEnded(null);
    if (device === null) list.current?.focus(); // the buttons that had the focus go away
  };
  const end = (device: number | 'others') => {
    ask(null);
    void attempt(async () => {
      if (device === 'others') setEnded(await app.devices.endOthers());
      else await app.devices.end(device).then(() => setEnded(1));
      await load();
    });
  };

  return (
    <Dialog title={words.devices} close={() => app.devices.close()} kind="wide">
      {suspects.length > 0 ? (
        <p class="tip bad">
          <Icon name="alert" />
          {words.suspectHint}
        </p>
      ) : (
        <p>{words.devicesHint}</p>
      )}
      {devices === null && failure === null && <p class="empty">{words.loading}</p>}
      <ul class="devices" ref={list} tabIndex={-1} aria-label={words.devices}>
        {devices?.map((device) => (
          <DeviceRow
            key={device.id}
            device={device}
            suspect={suspects.includes(device.id)}
            asking={asking === device.id}
            ask={() => ask(device.id)}
            cancel={() => ask(null)}
            end={() => end(device.id)}
          />
        ))}
      </ul>
      <div role="status" class="said">
        {ended !== null && (
          <p class="tip">
            <Icon name="check" />
            {words.endedDevices(ended)}
          </p>
        )}
      </div>
      <div role="alert" class="said">
        {failure !== null && (
          <p class="tip bad">
            <Icon name="alert" />
            {explain(words, failure)}
          </p>
        )}
      </div>
      {asking === 'others' ? (
        <Sure
          question={words.endOthersQuestion}
          cancel={() => ask(null)}
          agree={() => end('others')}
        />
      ) : (
        <footer>
          {devices?.some((device) => !device.current) && (
            <button type="button" class="plain danger" onClick={() => ask('others')}>
              {words.endOthers}
            </button>
          )}
          <button type="button" class="plain" onClick={() => app.devices.openPassword()}>
            <Icon name="key" />
            {words.changePassword}
          </button>
        </footer>
      )}
    </Dialog>
  );
}

interface RowProps {
  device: Device;
  suspect: boolean;
  asking: boolean;
  ask: () => void;
  cancel: () => void;
  end: () => void;
}

function DeviceRow({ device, suspect, asking, ask, cancel, end }: RowProps) {
  const words = useWords();
  const language = usePage((page) => page.language);
  const name = deviceName(device.device ?? '') || words.namelessDevice;
  return (
    <li class={suspect ? 'device suspect' : 'device'} aria-current={device.current}>
      <Icon name={isHandheld(name) ? 'phone' : 'devices'} />
      <div class="device-what">
        <p>
          <strong>{name}</strong>
          {device.current && <span class="device-mark">{words.thisDevice}</span>}
          {suspect && <span class="device-mark">{words.newDevice}</span>}
        </p>
        <p>
          {ago(language, device.last_seen)} ·{' '}
          <time dateTime={device.last_seen}>{dateAndTime(language, device.last_seen)}</time>
        </p>
      </div>
      <p class="device-address">{device.address}</p>
      {!device.current && !asking && (
        <button
          type="button"
          class="plain danger"
          aria-label={`${words.end}: ${name}`}
          onClick={ask}
        >
          {words.end}
        </button>
      )}
      {asking && <Sure question={words.endQuestion} cancel={cancel} agree={end} />}
    </li>
  );
}

/** Asks once more, in the place of what was pressed. */
function Sure({
  question,
  cancel,
  agree,
}: {
  question: string;
  cancel: () => void;
  agree: () => void;
}) {
  const words = useWords();
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <div class="sure" role="group" aria-label={question}>
      <p>{question}</p>
      <button type="button" class="plain" ref={first} onClick={cancel}>
        {words.cancel}
      </button>
      <button type="button" class="solid danger" onClick={agree}>
        {words.end}
      </button>
    </div>
  );
}
