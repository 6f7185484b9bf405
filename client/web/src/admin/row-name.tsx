/* row-name.tsx: a row of another model by its name, as a link. */
import { useEffect, useState } from 'preact/hooks';
import { useAdmin } from './admin.ts';
import { labelOfRow } from './picker.ts';
import { addressOf } from './schema.ts';

interface RowNameProps {
  model: string;
  id: number;
}

export function RowName({ model, id }: RowNameProps) {
  const { api } = useAdmin();
  const [name, setName] = useState(`#${id}`);
  useEffect(() => {
    let isWanted = true;
    void labelOfRow(api, model, id).then((label) => {
      if (isWanted) setName(label);
    });
    return () => {
      isWanted = false;
    };
  }, [api, model, id]);
  return (
    <a href={addressOf(model, id)} dir="auto">
      {name}
    </a>
  );
}
