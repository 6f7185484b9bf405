/* matrix-bar.tsx: what is staged, whom it concerns, and the saving of it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { names } from '../shared/text.ts';
import { Confirm } from '../shared/ui/dialog.tsx';
import { useAdmin } from './admin.ts';
import { type DryRun, outcomeWords, refusals } from './dry-run.ts';
import { rightsWords } from './grants.ts';
import type { Matrix } from './matrix.ts';
import { conflictWords, diffLine } from './matrix-words.ts';
import { Done, Trouble } from './notes.tsx';
import { useAction } from './use-action.ts';

export function MatrixBar({ matrix }: { matrix: Matrix }) {
  const changes = matrix.changes.value;
  const bar = useKeptFocus(changes.length > 0, matrix.undo.value !== null, matrix.isBusy.value);
  return (
    <section ref={bar} class="matrix-bar" aria-label="Changes" tabIndex={-1}>
      <Conflicts matrix={matrix} />
      <Trouble problem={matrix.problem.value} />
      {changes.length > 0 ? <Staged matrix={matrix} /> : <Saved matrix={matrix} />}
    </section>
  );
}

/* The button that was pressed is off while it works and may be gone afterwards: the focus goes to what is there then. */
function useKeptFocus(isStaged: boolean, isUndoable: boolean, isBusy: boolean) {
  const bar = useRef<HTMLElement>(null);
  const hadButtons = useRef(false);
  // After the browser has drawn: only then it takes the focus from what is off or gone.
  useEffect(() => {
    const isOver = hadButtons.current && !isBusy;
    hadButtons.current = isStaged || isUndoable || isBusy;
    if (!isOver || document.activeElement !== document.body) return;
    const next = bar.current?.querySelector<HTMLElement>('button:not(:disabled)') ?? bar.current;
    next?.focus();
  }, [isStaged, isUndoable, isBusy]);
  return bar;
}

function Saved({ matrix }: { matrix: Matrix }) {
  const undo = matrix.undo.value;
  return (
    <Done words={undo ? `Saved: ${undo.words}.` : 'Nothing is changed.'}>
      {undo && (
        <button
          type="button"
          class="button"
          disabled={matrix.isBusy.value}
          onClick={() => void matrix.undoLast()}
        >
          Undo
        </button>
      )}
    </Done>
  );
}

function Conflicts({ matrix }: { matrix: Matrix }) {
  const conflicts = matrix.conflicts.value;
  if (conflicts.length === 0) return null;
  return (
    <div class="matrix-conflicts" role="alert">
      <ul class="lines">
        {conflicts.map((conflict) => (
          <li key={conflict.model} class="line">
            <span>
              {conflictWords(conflict)} You wanted {rightsWords(conflict.wanted)}.
            </span>
            <span class="matrix-buttons">
              <button
                type="button"
                class="button"
                aria-label={`Keep mine for ${conflict.model}`}
                onClick={() => matrix.keepMine(conflict.model)}
              >
                Keep mine
              </button>
              <button
                type="button"
                class="button"
                aria-label={`Take theirs for ${conflict.model}`}
                onClick={() => matrix.takeTheirs(conflict.model)}
              >
                Take theirs
              </button>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Staged({ matrix }: { matrix: Matrix }) {
  const [isAsking, setAsking] = useState(false);
  const isBlocked = matrix.conflicts.value.length > 0 || matrix.isBusy.value;
  const save = () => {
    if (matrix.locksOut) setAsking(true);
    else void matrix.save();
  };
  return (
    <>
      <p class="matrix-diff" role="status">
        {diffLine(matrix.changes.value)}
      </p>
      <Who key={diffLine(matrix.changes.value, Number.POSITIVE_INFINITY)} matrix={matrix} />
      <div class="toolbar">
        <label class="field">
          Reason
          <input
            maxLength={500}
            autocomplete="off"
            placeholder="May be left empty"
            value={matrix.reason.value}
            onInput={(event) => {
              matrix.reason.value = event.currentTarget.value;
            }}
          />
        </label>
        <label class="field">
          Ends at (your time)
          <input
            type="datetime-local"
            value={matrix.until.value}
            onInput={(event) => {
              matrix.until.value = event.currentTarget.value;
            }}
          />
        </label>
        <span class="matrix-buttons">
          <button type="button" class="button" onClick={() => matrix.discard()}>
            Discard
          </button>
          <button type="button" class="button button-main" disabled={isBlocked} onClick={save}>
            Save changes
          </button>
        </span>
      </div>
      <p class="hint">
        Reason and end are for everything that is granted on the changed models; left empty, they
        stay as they are.
      </p>
      {isAsking && (
        <Confirm
          title="Lose your own right to grant?"
          text="You take the right to grant from yourself. Only an administrator, or somebody else who may grant there, can give it back."
          action="Save all the same"
          onConfirm={() => void matrix.save()}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

/* Asked only on demand: it looks at everybody's rights. */
function Who({ matrix }: { matrix: Matrix }) {
  const { api } = useAdmin();
  const action = useAction();
  const [run, setRun] = useState<DryRun | null>(null);
  const forms = matrix.forms();
  const ask = () =>
    action.run(async () => setRun(await api.post<DryRun>('/acl/dry_run', { changes: forms })), '');
  return (
    <div class="matrix-who">
      <button type="button" class="button" disabled={action.isBusy} onClick={() => void ask()}>
        Who is affected?
      </button>
      <Trouble problem={action.problem} />
      {run && (
        <div role="status">
          <p>{outcomeWords(run)}</p>
          <People title="Gain" people={run.gaining} total={run.gain} />
          <People title="Lose" people={run.losing} total={run.people} />
          {run.warnings.map(({ code, model, detail }) => (
            <p key={`${code} ${model}`} class="error">
              {detail}
            </p>
          ))}
          {refusals(run, forms).map((words) => (
            <p key={words} class="error">
              Would be refused: {words}
            </p>
          ))}
        </div>
      )}
    </div>
  );
}

interface PeopleProps {
  title: string;
  people: DryRun['gaining'];
  total: number;
}

function People({ title, people, total }: PeopleProps) {
  if (people.length === 0) return null;
  const rest = total - people.length;
  return (
    <p class="hint">
      {title}:{' '}
      <bdi>
        {names(
          people.map(({ name }) => name),
          people.length,
        )}
      </bdi>
      {rest > 0 && ` and ${rest} more`}
    </p>
  );
}
