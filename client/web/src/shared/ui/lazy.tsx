/* lazy.tsx: a part of the page that is fetched when it is first shown. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export function lazy<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  let part: ComponentType<Props> | null = null;
  return function Lazy(props: Props) {
    const [, setLoaded] = useState(false);
    const [error, setError] = useState(false);
    useEffect(() => {
      if (part) return;
      load().then(
        (loaded) => {
          part = loaded;
          setLoaded(true);
        },
        () => setError(true),
      );
    }, []);
    if (error) return <p role="alert">This part could not be loaded. Reload the page.</p>;
    const Part = part;
    return Part ? <Part {...props} /> : null;
  };
}
