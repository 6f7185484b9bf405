/* secret.tsx: a new password: typed, or made here; one that was made is shown once. */
import type { Problem } from '../shared/problem.ts';
import { Copy } from '../shared/ui/copy.tsx';
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
  return (
    <div class="secret">
      <label>
        {label}
        <input
          class="secret-value"
          readOnly
          value={value}
          onFocus={(event) => event.currentTarget.select()}
        />
      </label>
      <Copy text={() => value} />
      <p class="hint">
        It is shown only now. Hand it over by a safe way and ask for it to be changed.
      </p>
    </div>
  );
}
