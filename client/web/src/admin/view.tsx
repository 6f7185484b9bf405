/* view.tsx: what all views look like. */
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

interface ViewProps {
  title: string;
  children: ComponentChildren;
  /** Beside the title: what can be done here. */
  actions?: ComponentChildren;
}

/** The title and the actions of a view, and the title of the window. */
export function View({ title, actions, children }: ViewProps) {
  useEffect(() => {
    document.title = `${title} · Parley`;
  }, [title]);
  return (
    <>
      <div class="view-head">
        <h1 dir="auto">{title}</h1>
        {actions && <div class="view-actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}
