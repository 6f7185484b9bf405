/* effective-who.tsx: everybody who may do something on a model, and what gives it. */
import { useCallback } from 'preact/hooks';
import { stampLabel } from '../shared/time.ts';
import type { Page } from '../shared/types.ts';
import { useAdmin } from './admin.ts';
import { type Question, questionPath, whoQuery } from './effective.ts';
import { type Grant, readSubject, subjectLink, subjectWords } from './grants.ts';
import { WhenRead } from './notes.tsx';
import { useLive, useResource } from './use-resource.ts';

interface WhoPage extends Page<{ id: number; name: string; superuser: boolean }> {
  /** Also those who are not signed in. */
  everyone: boolean;
}

export function WhoMay({ question }: { question: Question }) {
  const { api } = useAdmin();
  const path = whoQuery(question);
  const page = useResource(path, () => api.get<WhoPage>(path));
  useLive(
    ['grant', 'group', 'user'],
    useCallback(() => void page.load(), [page]),
  );
  return (
    <>
      <Causes question={question} />
      <WhenRead resource={page}>
        {({ items, everyone, next }) => (
          <>
            {everyone && (
              <p>
                <strong>Everyone, also people who are not signed in.</strong>
              </p>
            )}
            {items.length === 0 && (
              <p>{next === null ? 'Nobody who has an account.' : 'Nobody on this page.'}</p>
            )}
            <ul class="lines" aria-label="People">
              {items.map(({ id, name, superuser }) => (
                <li key={id} class="line">
                  <span>
                    <a href={`/admin/users/${id}`} dir="auto">
                      {name}
                    </a>{' '}
                    {superuser && <span class="state">Administrator</span>}
                  </span>
                  <a
                    href={questionPath({
                      ...question,
                      direction: 'what',
                      user: id,
                      group: null,
                      after: '',
                    })}
                    aria-label={`Why ${name} may`}
                  >
                    Why?
                  </a>
                </li>
              ))}
            </ul>
            {(next !== null || question.after) && (
              <nav class="pages" aria-label="Pages">
                {question.after && (
                  <a href={questionPath({ ...question, after: '' })}>First page</a>
                )}
                {next !== null && (
                  <a href={questionPath({ ...question, after: String(next) })}>Next page</a>
                )}
              </nav>
            )}
          </>
        )}
      </WhenRead>
    </>
  );
}

/* The grants that give this right: the reason for most of the people below. */
function Causes({ question: { model, right, row } }: { question: Question }) {
  const { api } = useAdmin();
  const path = `/grant?model=${encodeURIComponent(model)}`;
  const grants = useResource(path, () => api.get<Page<Grant>>(path));
  useLive(
    ['grant'],
    useCallback(() => void grants.load(), [grants]),
  );
  return (
    <section class="answer" aria-label="What gives it">
      <p>
        Who may {right} {model} {row}
      </p>
      <WhenRead resource={grants}>
        {({ items }) => (
          <ul class="chain">
            {items
              .filter(({ rights }) => rights.includes(right))
              .map((grant) => (
                <Cause key={grant.id} grant={grant} />
              ))}
            <li>Administrators, who may do everything</li>
            {row && <li>of these, those whom the rules of this row let through</li>}
          </ul>
        )}
      </WhenRead>
    </section>
  );
}

function Cause({ grant }: { grant: Grant }) {
  const subject = readSubject(grant.subject);
  if (!subject) return null;
  const words = subjectWords(subject.kind, grant.name, subject.id);
  const link = subjectLink(subject.kind, subject.id);
  return (
    <li dir="auto">
      {link ? <a href={link}>{words}</a> : words}
      {grant.until && `, until ${stampLabel(grant.until)}`}
      {grant.reason && `, because: ${grant.reason}`}{' '}
      <a
        href={`/admin/permissions?subject=${grant.subject}`}
        aria-label={`Change the permissions of ${words}`}
      >
        Change
      </a>
    </li>
  );
}
