/* use-resource.ts: a view shows what it reads from the server, and reads it again when others change it. */
import { useEffect, useMemo } from 'preact/hooks';
import { watchModel } from './live.ts';
import { Resource } from './resource.ts';

/* Changes come in bursts, such as of a batch: one reading is enough. */
const settle_ms = 150;

/** Read again whenever @key is another one. */
export function useResource<T>(key: string, read: () => Promise<T>): Resource<T> {
  const resource = useMemo(() => new Resource(read), [key]);
  useEffect(() => {
    void resource.load();
  }, [resource]);
  return resource;
}

/** Call @onChange soon after something in @models changed. */
export function useLive(models: readonly string[], onChange: () => void): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(onChange, settle_ms);
    };
    const stops = models.map((model) => watchModel(model, soon));
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [models.join(), onChange]);
}
