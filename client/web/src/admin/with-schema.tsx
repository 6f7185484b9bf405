/* with-schema.tsx: what both the list and the form need first: the description of their model, and one's rights on it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { asProblem, type Problem } from '../shared/problem.ts';
import type { Right } from '../shared/types.ts';
import { useAdmin } from './admin.ts';
import { Loading, Trouble } from './notes.tsx';
import { loadSchema, type ModelSchema } from './schema.ts';
import { View } from './view.tsx';

interface WithSchemaProps {
  model: string;
  children: (schema: ModelSchema) => ComponentChildren;
}

export function WithSchema({ model, children }: WithSchemaProps) {
  const { api } = useAdmin();
  const [schema, setSchema] = useState<ModelSchema | null | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = () => {
    setProblem(null);
    loadSchema(api, model).then(setSchema, (error: unknown) => {
      const found = asProblem(error);
      if (found.status === 404) setSchema(null);
      else setProblem(found);
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
      {problem ? <Trouble problem={problem} onRetry={load} /> : <Loading />}
    </View>
  );
}

/** What one may do oneself with rows of @model. */
export function useRights(model: string): (right: Right | 'grant') => boolean {
  const { session, models } = useAdmin();
  const listed = models.get(model)?.rights;
  return (right) =>
    (right !== 'grant' && session.can(model, right)) || listed?.includes(right) === true;
}
