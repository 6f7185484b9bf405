/* grants-list.tsx: the grants that somebody or some group has itself. */
import { useCallback } from 'preact/hooks';
import { stampLabel } from '../shared/time.ts';
import type { Page } from '../shared/types.ts';
import { useAdmin } from './admin.ts';
import { type Grant, rightsWords } from './grants.ts';
import { WhenRead } from './notes.tsx';
import { useLive, useResource } from './use-resource.ts';

export function OwnGrants({ subject }: { subject: string }) {
  const { api } = useAdmin();
  const path = `/grant?subject=${encodeURIComponent(subject)}`;
  const grants = useResource(path, () => api.get<Page<Grant>>(path));
  useLive(
    ['grant'],
    useCallback(() => void grants.load(), [grants]),
  );
  return (
    <WhenRead resource={grants}>
      {({ items }) =>
        items.length === 0 ? (
          <p class="hint">Nothing is granted here directly.</p>
        ) : (
          <ul class="lines">
            {items.map((grant) => (
              <GrantLine key={grant.id} grant={grant} />
            ))}
          </ul>
        )
      }
    </WhenRead>
  );
}

function GrantLine({ grant }: { grant: Grant }) {
  const by = grant.granted_by;
  return (
    <li>
      <strong>{rightsWords(grant.rights)}</strong> on {grant.model}
      {grant.until && `, until ${stampLabel(grant.until)}`}
      <br />
      <span class="hint">
        given {stampLabel(grant.created_at)} by{' '}
        {by ? (
          <a href={`/admin/users/${by.id}`} dir="auto">
            {by.name}
          </a>
        ) : (
          'the server'
        )}
        {grant.reason && (
          <>
            {' because '}
            <q dir="auto">{grant.reason}</q>
          </>
        )}
      </span>
    </li>
  );
}
