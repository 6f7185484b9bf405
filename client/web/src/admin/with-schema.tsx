/* with-schema.tsx: what both the list and the form need first: the description of their model, and one's rights on it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import type { Right } from '../shared/types.ts';
import { useAdmin } from './admin.ts';
import { loadSchema, type ModelSchema } from './schema.ts';
import { View } from './view.tsx';

interface WithSchemaProps {
  model: string;
  children: (schema: ModelSchema) => ComponentChildren;
}

export function WithSchema({ model, children }: WithSchemaProps) {
  const { api } = useAdmin();
  const [schema, setSchema] = useState<ModelSchema | null | undefined>(undefined);
  const [words, setWords] = useState('');
  const load = () => {
    setWords('');
    loadSchema(api, model).then(setSchema, (error: unknown) => {
      const problem = asProblem(error);
      if (problem.status === 404) setSchema(null);
      else setWords(problem.words);
    });
  };
  useEffect(load, [api, model]);
  if (schema) return <>{children(schema)}</>;
  if (schema === null)
    return (
      <View title="Nothing here">
        <p>
          There is no model called “<bdi>{model}</bdi>” whose rows can be listed.{' '}
          <a href="/admin">Go to the overview</a>
        </p>
      </View>
    );
  return (
    <View title={model}>
      {words ? <Trouble words={words} onRetry={load} /> : <p class="hint">Loading…</p>}
    </View>
  );
}

interface TroubleProps {
  words: string;
  onRetry?: () => void;
}

/** What went wrong, and the way on. */
export function Trouble({ words, onRetry }: TroubleProps) {
  return (
    <div class="data-trouble" role="alert">
      <p>{words}</p>
      {onRetry && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What one may do oneself with rows of @model. */
export function useRights(model: string): (right: Right) => boolean {
  const { session, models } = useAdmin();
  const listed = models.get(model)?.rights;
  return (right) => session.can(model, right) || listed?.includes(right) === true;
}
