/* tokens.tsx: API tokens: make one, see it once, end it. */
import { useEffect, useId, useMemo, useState } from 'preact/hooks';
import type { Api } from '../shared/api.ts';
import { asProblem, type Problem } from '../shared/problem.ts';
import { stampLabel } from '../shared/time.ts';
import type { Me } from '../shared/types.ts';
import { Copy } from '../shared/ui/copy.tsx';
import { Confirm, Dialog } from '../shared/ui/dialog.tsx';
import { Field } from '../shared/ui/form.tsx';
import { Endable, type Scopes, scopeWords, type Token, type TokenRight } from './sessions.ts';

const every = '*';
const rightNames: readonly TokenRight[] = ['read', 'write', 'delete', 'grant'];

export function Tokens({ api, me }: { api: Api; me: Me }) {
  const store = useMemo(() => new Endable<Token>(api, '/token'), [api]);
  const [isMaking, setMaking] = useState(false);
  const [fresh, setFresh] = useState<Token | null>(null);
  const [ending, setEnding] = useState<Token | null>(null);
  useEffect(() => {
    void store.load();
  }, [store]);
  const made = (token: Token) => {
    setMaking(false);
    setFresh(token);
    store.add({ ...token, token: undefined });
  };
  return (
    <>
      {store.error.value && (
        <p class="error" role="alert">
          {store.error.value}
        </p>
      )}
      {store.items.value?.length === 0 && <p>You have none.</p>}
      <ul class="account-rows">
        {store.items.value?.map((token) => (
          <li key={token.id} class="account-row">
            <div>
              <p>
                <strong dir="auto">{token.name}</strong>
              </p>
              <p class="hint">
                May: {scopeWords(token.scopes)}. Ends{' '}
                <time dateTime={token.expires_at}>{stampLabel(token.expires_at)}</time>
              </p>
            </div>
            <button
              type="button"
              class="button"
              aria-label={`End ${token.name}`}
              onClick={() => setEnding(token)}
            >
              End
            </button>
          </li>
        ))}
      </ul>
      <button type="button" class="button" onClick={() => setMaking(true)}>
        New token
      </button>
      {isMaking && <NewToken api={api} me={me} onMade={made} onClose={() => setMaking(false)} />}
      {fresh && <Shown token={fresh} onClose={() => setFresh(null)} />}
      {ending && (
        <Confirm
          title={`End ${ending.name}?`}
          text="Programs that use this token are refused from now on, and their connections end. This cannot be undone."
          action="End it"
          onConfirm={() => void store.end([ending])}
          onClose={() => setEnding(null)}
        />
      )}
    </>
  );
}

interface NewTokenProps {
  api: Api;
  me: Me;
  onMade: (token: Token) => void;
  onClose: () => void;
}

function NewToken({ api, me, onMade, onClose }: NewTokenProps) {
  const [name, setName] = useState('');
  const [ends, setEnds] = useState('');
  const [scopes, setScopes] = useState<Scopes>({});
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const isEmpty = Object.values(scopes).every((rights) => rights.length === 0);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    const chosen = Object.fromEntries(Object.entries(scopes).filter(([, rights]) => rights.length));
    // The whole last day counts.
    const expires_at = ends ? new Date(`${ends}T23:59:59`).toISOString() : undefined;
    try {
      onMade(await api.post<Token>('/token', { name, scopes: chosen, expires_at }));
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="New API token" class="token-dialog" onClose={onClose}>
      <form class="form" onSubmit={send}>
        <Field
          label="Name"
          name="name"
          hint="What it is for, such as “backup script”."
          required
          maxLength={100}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
          problem={problem}
        />
        <ScopeTable me={me} scopes={scopes} onChange={setScopes} />
        <Field
          label="Last day"
          name="expires_at"
          type="date"
          hint="Empty: as late as this server allows."
          value={ends}
          onInput={(event) => setEnds(event.currentTarget.value)}
          problem={problem}
        />
        {problem && (
          <p class="error" role="alert">
            {problem.words}
          </p>
        )}
        <div class="actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-main" disabled={isBusy || isEmpty}>
            Make token
          </button>
        </div>
        {isEmpty && <p class="hint">Choose at least one thing that it may do.</p>}
      </form>
    </Dialog>
  );
}

interface ScopeTableProps {
  me: Me;
  scopes: Scopes;
  onChange: (scopes: Scopes) => void;
}

/* Only what one may do oneself can be passed on. */
function ScopeTable({ me, scopes, onChange }: ScopeTableProps) {
  const toggle = (model: string, right: TokenRight) => {
    const rights = scopes[model] ?? [];
    const next = rights.includes(right)
      ? rights.filter((other) => other !== right)
      : [...rights, right];
    onChange({ ...scopes, [model]: next });
  };
  const may = (model: string, right: TokenRight) =>
    me.user.superuser === true ||
    model === every ||
    (me.permissions[model] as readonly string[] | undefined)?.includes(right) === true;
  return (
    <div class="token-scroll">
      <table class="token-table">
        <caption>What it may do</caption>
        <thead>
          <tr>
            <th scope="col">Model</th>
            {rightNames.map((right) => (
              <th key={right} scope="col">
                {right}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[every, ...Object.keys(me.permissions).sort()].map((model) => (
            <tr key={model}>
              <th scope="row">{model === every ? 'All, also new ones' : model}</th>
              {rightNames.map((right) => (
                <td key={right}>
                  {may(model, right) && (
                    <input
                      type="checkbox"
                      aria-label={`${right} ${model === every ? 'all models' : model}`}
                      checked={scopes[model]?.includes(right) ?? false}
                      onChange={() => toggle(model, right)}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Shown({ token, onClose }: { token: Token; onClose: () => void }) {
  const id = useId();
  const secret = token.token ?? '';
  return (
    <Dialog title={`Token ${token.name}`} onClose={onClose}>
      <p>Copy it now: it is shown this once and never again.</p>
      <p class="token-secret">
        <code id={id}>{secret}</code>
      </p>
      <p class="hint">
        Programs send it as <code>Authorization: Bearer …</code>
      </p>
      <div class="actions">
        <Copy text={() => secret} from={id} />
        <button type="button" class="button button-main" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
