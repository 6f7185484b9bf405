/* settings-dialog.tsx: how the page behaves, for this person in this browser. */
import { useState } from 'preact/hooks';
import { setTheme, type Theme, theme, themes } from '../shared/theme.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { beep } from './notify.ts';
import { type Settings, setSetting, settings } from './settings.ts';

export function SettingsDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Settings" onClose={onClose}>
      <div class="sections">
        <p class="hint">They hold for you in this browser.</p>
        <div class="field">
          <label for="settings-colours">Colours</label>
          <select
            id="settings-colours"
            value={theme.value}
            onChange={(event) => setTheme(event.currentTarget.value as Theme)}
          >
            {themes.map((name) => (
              <option key={name} value={name}>
                {name === 'system' ? 'as the system' : name}
              </option>
            ))}
          </select>
        </div>
        <fieldset class="choices">
          <legend>Writing</legend>
          <label>
            <input
              type="radio"
              name="enter"
              checked={settings.value.enterSends}
              onChange={() => setSetting('enterSends', true)}
            />{' '}
            Enter sends, Shift+Enter makes a new line
          </label>
          <label>
            <input
              type="radio"
              name="enter"
              checked={!settings.value.enterSends}
              onChange={() => setSetting('enterSends', false)}
            />{' '}
            Enter makes a new line, Ctrl+Enter sends
          </label>
        </fieldset>
        <fieldset class="choices">
          <legend>Reading</legend>
          <Choice name="markByScrolling">Mark messages as read when I have seen them</Choice>
          <Choice name="singleKeys">Single keys, such as R to reply, while I am in the log</Choice>
        </fieldset>
        <Notifications />
      </div>
    </Dialog>
  );
}

function Choice({ name, children }: { name: keyof Settings; children: string }) {
  return (
    <label>
      <input
        type="checkbox"
        checked={settings.value[name]}
        onChange={(event) => setSetting(name, event.currentTarget.checked)}
      />{' '}
      {children}
    </label>
  );
}

function Notifications() {
  const [permission, setPermission] = useState(permissionNow);
  const ask = async () => {
    const answer = await Notification.requestPermission();
    setPermission(answer);
    if (answer === 'granted') setSetting('notify', true);
  };
  return (
    <fieldset class="choices">
      <legend>Notifications</legend>
      <p class="hint">For mentions and direct messages, while you look at something else.</p>
      {permission === 'granted' && <Choice name="notify">Show notifications</Choice>}
      {permission === 'default' && (
        <div>
          <button type="button" class="button" onClick={() => void ask()}>
            Allow notifications
          </button>
        </div>
      )}
      {permission === 'denied' && (
        <p role="status">
          This browser has blocked notifications from here, and the page cannot ask again. Allow
          them in the browser’s settings for this site, then open this dialog again.
        </p>
      )}
      {permission === 'missing' && (
        <p role="status">
          {isSecureContext
            ? 'This browser has no notifications.'
            : 'Browsers show notifications only for addresses that begin with https. Ask whoever runs this server.'}
        </p>
      )}
      {permission === 'granted' && settings.value.notify && (
        <>
          <Choice name="notifyAll">
            Also for every message in rooms that are set to “Everything”
          </Choice>
          <Choice name="notifyText">Show what was said in them</Choice>
        </>
      )}
      <label>
        <input
          type="checkbox"
          checked={settings.value.sound}
          onChange={(event) => {
            setSetting('sound', event.currentTarget.checked);
            // To be heard once here: later there may be nobody to say that it is too quiet.
            if (event.currentTarget.checked) beep();
          }}
        />{' '}
        Play a sound
      </label>
    </fieldset>
  );
}

function permissionNow(): NotificationPermission | 'missing' {
  return isSecureContext && 'Notification' in window ? Notification.permission : 'missing';
}
