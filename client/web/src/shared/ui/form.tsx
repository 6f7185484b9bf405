/* form.tsx: labelled fields that can say what is wrong with them, and the sending of a form. */
import type { ComponentChildren, JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { asProblem, type Problem } from '../problem.ts';

interface FieldProps extends JSX.InputHTMLAttributes<HTMLInputElement> {
  label: string;
  name: string;
  hint?: string;
  problem?: Problem | null;
}

export function Field({ label, hint, problem, ...input }: FieldProps) {
  const id = useId();
  const error = problem?.fields[input.name];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...input}
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={describedBy(id, hint, error)}
      />
      <FieldNotes id={id} hint={hint} error={error} />
    </div>
  );
}

interface FieldNotesProps {
  /** Of the field that they are about. */
  id: string;
  hint?: string | undefined;
  error?: string | undefined;
}

/** What stands below a field: what it is for, and what is wrong with it. */
export function FieldNotes({ id, hint, error }: FieldNotesProps) {
  return (
    <>
      {hint && (
        <p id={`${id}-hint`} class="hint" dir="auto">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} class="error">
          {error}
        </p>
      )}
    </>
  );
}

/** For the field's aria-describedby. */
export function describedBy(
  id: string,
  hint: string | undefined,
  error: string | undefined,
): string | undefined {
  const ids = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean);
  return ids.join(' ') || undefined;
}

export interface Submission {
  isBusy: boolean;
  problem: Problem | null;
  onSubmit: (event: SubmitEvent) => void;
}

/** Send a form once at a time, and keep what the server objected to. */
export function useSubmit(send: (values: Record<string, string>) => Promise<unknown>): Submission {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const values: Record<string, string> = {};
    for (const [name, value] of new FormData(form))
      if (typeof value === 'string') values[name] = value;
    setBusy(true);
    setProblem(null);
    send(values)
      .catch((error: unknown) => {
        const found = asProblem(error);
        setProblem(found);
        const first = Object.keys(found.fields)[0];
        if (first) (form.elements.namedItem(first) as HTMLElement | null)?.focus?.();
      })
      .finally(() => setBusy(false));
  };
  return { isBusy, problem, onSubmit };
}

interface FormProps {
  submission: Submission;
  action: string;
  children: ComponentChildren;
}

export function Form({ submission, action, children }: FormProps) {
  const { isBusy, problem, onSubmit } = submission;
  return (
    <form class="form" onSubmit={onSubmit} noValidate={false}>
      {children}
      {problem && (
        <p class="error" role="alert">
          {problem.message}
        </p>
      )}
      <button type="submit" class="button button-main" disabled={isBusy}>
        {action}
      </button>
    </form>
  );
}
