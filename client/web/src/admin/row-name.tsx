/* row-name.tsx: a row of another model by its name. */
import { useEffect, useState } from 'preact/hooks';
import { excerpt } from '../shared/text.ts';
import { useAdmin } from './admin.ts';
import { labelOfRow } from './picker.ts';
import { addressOf, type FieldSchema } from './schema.ts';
import { idOf, inWords } from './value.ts';

/* Of a long text: enough to know it again. */
const shown_max = 200;

/** What row @id of @model is called; its number as long as that is not known, '' for none. */
export function useRowLabel(model: string, id: number | null): string {
  const { api } = useAdmin();
  const [asked, setAsked] = useState({ model, id, name: '' });
  useEffect(() => {
    if (id === null) return;
    let isWanted = true;
    void labelOfRow(api, model, id).then((name) => {
      if (isWanted) setAsked({ model, id, name });
    });
    return () => {
      isWanted = false;
    };
  }, [api, model, id]);
  if (id === null) return '';
  return (asked.model === model && asked.id === id && asked.name) || `#${id}`;
}

interface FieldWordsProps {
  field: FieldSchema;
  value: unknown;
}

/** A value in short words; a row of another model by its name. */
export function FieldWords({ field, value }: FieldWordsProps) {
  const id = field.kind === 'reference' ? idOf(value) : null;
  const label = useRowLabel(field.references, id);
  return <bdi>{label || excerpt(inWords(field, value), shown_max)}</bdi>;
}

interface RowNameProps {
  model: string;
  id: number;
}

export function RowName({ model, id }: RowNameProps) {
  return (
    <a href={addressOf(model, id)} dir="auto">
      {useRowLabel(model, id)}
    </a>
  );
}
