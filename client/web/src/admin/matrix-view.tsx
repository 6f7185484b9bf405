/* matrix-view.tsx: the permissions of one subject on all models. */
import { batch } from '@preact/signals-core';
import { useCallback, useEffect, useMemo } from 'preact/hooks';
import { guardLeaving, navigate, search } from '../shared/router.ts';
import { useAdmin } from './admin.ts';
import { readSubject, subjectLink } from './grants.ts';
import { Matrix } from './matrix.ts';
import { MatrixBar } from './matrix-bar.tsx';
import { MatrixGrid } from './matrix-grid.tsx';
import { Trouble } from './notes.tsx';
import { SubjectPicker } from './subject-picker.tsx';
import { openChoices } from './subjects.ts';
import { useLive } from './use-resource.ts';
import { View } from './view.tsx';

const stayWords = 'Your changes of permissions are not saved. Leave this page and lose them?';

export function MatrixView() {
  const subject = new URLSearchParams(search.value).get('subject');
  const isKnown = readSubject(subject) !== null;
  return (
    <View title="Permissions">
      {subject !== null && isKnown ? (
        <SubjectMatrix key={subject} subject={subject} />
      ) : (
        <>
          <Chooser value="" />
          {subject !== null && (
            <p class="error" role="alert">
              This address names nobody. Choose a group, a person or all.
            </p>
          )}
          <p>Choose whose permissions you want to see and change.</p>
        </>
      )}
    </View>
  );
}

function Chooser({ value }: { value: string }) {
  return (
    <SubjectPicker
      label="Permissions of"
      value={value}
      onPick={({ subject }) => navigate(`/admin/permissions?subject=${subject}`)}
    />
  );
}

function SubjectMatrix({ subject }: { subject: string }) {
  const { api, me, models } = useAdmin();
  const { id, superuser = false } = me.user;
  // Who signs in again is the same person, and what is staged stays.
  const matrix = useMemo(
    () => new Matrix(api, { id, superuser }, subject, () => models.grantable.value),
    [api, id, superuser, models, subject],
  );
  const reload = useCallback(() => void matrix.load(), [matrix]);
  useEffect(reload, [reload]);
  useLive(['grant', 'group'], reload);
  const isStaged = matrix.changes.value.length > 0;
  useEffect(() => {
    guardLeaving(isStaged ? () => confirm(stayWords) : null);
    return () => guardLeaving(null);
  }, [isStaged]);
  return (
    <>
      <div class="toolbar">
        <Chooser value={titleOf(matrix)} />
        <label class="field">
          Filter models
          <input
            type="search"
            autocomplete="off"
            value={matrix.filter.value}
            onInput={(event) => {
              matrix.filter.value = event.currentTarget.value;
            }}
          />
        </label>
        <label class="tick">
          <input
            type="checkbox"
            checked={matrix.isOnlyChanged.value}
            onChange={(event) => {
              matrix.isOnlyChanged.value = event.currentTarget.checked;
            }}
          />{' '}
          only changed
        </label>
      </div>
      <About matrix={matrix} />
      {!matrix.isReady.value && (
        <>
          <Trouble problem={matrix.problem.value} onRetry={reload} />
          {!matrix.problem.value && <p class="hint">Loading…</p>}
        </>
      )}
      {matrix.isReady.value && (
        <>
          <Rows matrix={matrix} />
          <MatrixBar matrix={matrix} />
        </>
      )}
    </>
  );
}

function titleOf(matrix: Matrix): string {
  const who = matrix.who.value;
  if (!who) return '';
  const open = openChoices.find(({ kind }) => kind === who.kind);
  return open?.name ?? `${who.kind === 'group' ? 'Group: ' : ''}${who.name ?? who.id}`;
}

/* What one has to know of this subject before one changes something. */
function About({ matrix }: { matrix: Matrix }) {
  const who = matrix.who.value;
  if (!who) return null;
  const link = subjectLink(who.kind, who.id);
  return (
    <p class="links">
      {link && (
        <>
          <a href={link} dir="auto">
            {who.name}
          </a>
          <a href={`/admin/effective?${who.kind}=${who.id}`}>
            All that {who.kind === 'group' ? 'the group' : who.name} may do, and why
          </a>
        </>
      )}
      {who.superuser && (
        <span>This is an administrator, who may do everything whatever is granted here.</span>
      )}
      {who.disabled && <span>This account is disabled: nothing is in force for it now.</span>}
      {who.kind === 'everyone' && (
        <span>What is granted here holds for people who are not signed in, too.</span>
      )}
    </p>
  );
}

function Rows({ matrix }: { matrix: Matrix }) {
  const { models } = useAdmin();
  if (models.error.value) return <p class="error">{models.error.value}</p>;
  if (matrix.models().length === 0)
    return <p>There is no model on which you may grant permissions.</p>;
  if (matrix.rows.value.length === 0) {
    const all = () =>
      batch(() => {
        matrix.filter.value = '';
        matrix.isOnlyChanged.value = false;
      });
    return (
      <p>
        No model fits.{' '}
        <button type="button" class="button-link" onClick={all}>
          Show all
        </button>
      </p>
    );
  }
  return <MatrixGrid matrix={matrix} />;
}
