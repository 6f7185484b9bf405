/* secret.tsx: a new password: typed, or made here; one that was made is shown once. */
import { useRef, useState } from 'preact/hooks';
import type { Problem } from '../shared/problem.ts';
import { Field } from '../shared/ui/form.tsx';

interface PasswordChoiceProps {
  isTyped: boolean;
  onChange: (isTyped: boolean) => void;
  problem: Problem | null;
}

/** Shall a password be made, or is one typed? */
export function PasswordChoice({ isTyped, onChange, problem }: PasswordChoiceProps) {
  return (
    <>
      <fieldset class="choices">
        <legend>Password</legend>
        <label>
          <input type="radio" name="how" checked={!isTyped} onChange={() => onChange(false)} /> Make
          one and show it to me once
        </label>
        <label>
          <input type="radio" name="how" checked={isTyped} onChange={() => onChange(true)} /> I type
          one
        </label>
      </fieldset>
      {isTyped && (
        <Field
          label="New password"
          name="password"
          type="password"
          autocomplete="new-password"
          minLength={8}
          required
          hint="At least 8 characters. A few words together are better than one with digits in it."
          problem={problem}
        />
      )}
    </>
  );
}

/** Shown once: with the page it is gone. */
export function Secret({ label, value }: { label: string; value: string }) {
  const input = useRef<HTMLInputElement>(null);
  const [note, setNote] = useState('');
  const copy = async () => {
    input.current?.select();
    try {
      await navigator.clipboard.writeText(value);
      setNote('Copied.');
    } catch {
      // Browsers copy only for pages that came by https.
      setNote('It is selected now: copy it with your keyboard.');
    }
  };
  return (
    <div class="secret">
      <label>
        {label}
        <input ref={input} class="secret-value" readOnly value={value} />
      </label>
      <button type="button" class="button" onClick={() => void copy()}>
        Copy
      </button>
      <p class="hint" role="status">
        {note || 'It is shown only now. Hand it over by a safe way and ask for it to be changed.'}
      </p>
    </div>
  );
}
