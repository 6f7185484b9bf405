/* effective-what.tsx: all that somebody may do, and why they may or may not do one thing. */
import { useCallback } from 'preact/hooks';
import { useAdmin } from './admin.ts';
import {
  chainOf,
  type Explained,
  explainQuery,
  type Question,
  questionPath,
  verdictWords,
} from './effective.ts';
import {
  allRights,
  type EffectiveAnswer,
  endWords,
  type Source,
  type Subject,
  sourceWords,
  subjectLink,
  subjectQuery,
  subjectText,
} from './grants.ts';
import { WhenRead } from './notes.tsx';
import { useLive, useResource } from './use-resource.ts';

export function Explanation({ question }: { question: Question }) {
  const { api } = useAdmin();
  const path = explainQuery(question);
  const answer = useResource(path, () => api.get<Explained>(path));
  useLive(
    ['grant', 'group', 'user'],
    useCallback(() => void answer.load(), [answer]),
  );
  return (
    <WhenRead resource={answer}>
      {(explained) => (
        <section class={`answer ${explained.allowed ? 'is-yes' : 'is-no'}`} aria-label="Answer">
          <p role="status">{verdictWords(explained)}</p>
          <ul class="chain">
            {chainOf(explained).map((line) => (
              <li key={line} dir="auto">
                {line}
              </li>
            ))}
          </ul>
          <p class="links">
            {explained.user && (
              <>
                <a href={`/admin/users/${explained.user.id}`}>{explained.user.name}</a>
                <a href={`/admin/permissions?subject=user:${explained.user.id}`}>
                  Change permissions
                </a>
              </>
            )}
            <Groups explained={explained} />
            <a href={questionPath({ ...question, direction: 'who' })}>Who else may?</a>
          </p>
        </section>
      )}
    </WhenRead>
  );
}

function Groups({ explained }: { explained: Explained }) {
  const sources = explained.because.flatMap((cause) => ('from' in cause ? [...cause.from] : []));
  return (
    <>
      {sources
        .filter(({ subject, id }) => subject === 'group' && id)
        .map(({ grant, id, name }) => (
          <a key={grant} href={`/admin/groups/${id}`} dir="auto">
            Group {name ?? id}
          </a>
        ))}
    </>
  );
}

export function AllRights({ subject }: { subject: Subject }) {
  const { api } = useAdmin();
  const path = `/acl/effective?${subjectQuery(subject)}`;
  const answer = useResource(path, () => api.get<EffectiveAnswer>(path));
  useLive(
    ['grant', 'group', 'user'],
    useCallback(() => void answer.load(), [answer]),
  );
  return (
    <WhenRead resource={answer}>{(value) => <Overall answer={value} subject={subject} />}</WhenRead>
  );
}

function Overall({ answer, subject }: { answer: EffectiveAnswer; subject: Subject }) {
  const who = answer.subject;
  const models = Object.entries(answer.models).filter(([, rights]) =>
    allRights.some((right) => (rights[right] ?? []).length > 0),
  );
  const name = who.name ?? subjectText(subject);
  return (
    <>
      <p class="links">
        <span>
          {who.kind === 'group' ? 'Group ' : ''}
          <a href={subjectLink(who.kind, who.id) ?? '/admin/groups'} dir="auto">
            {name}
          </a>
        </span>
        <a href={`/admin/permissions?subject=${subjectText(subject)}`}>Change permissions</a>
      </p>
      {who.superuser && (
        <p>
          <strong>Is an administrator and may do everything.</strong> What is granted besides:
        </p>
      )}
      {who.disabled && <p class="error">The account is disabled: nothing of this is in force.</p>}
      {models.length === 0 ? (
        <p>Nothing is granted.</p>
      ) : (
        <section class="table-scroll" aria-label={`Rights of ${name}`}>
          <table class="table whole-words">
            <thead>
              <tr>
                <th scope="col">Model</th>
                {allRights.map((right) => (
                  <th scope="col" key={right}>
                    {right}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {models.map(([model, rights]) => (
                <tr key={model}>
                  <th scope="row" class="row-name">
                    <a href={questionPath({ direction: 'who', model, right: 'read' })}>{model}</a>
                  </th>
                  {allRights.map((right) => (
                    <td key={right}>
                      <Reasons
                        sources={rights[right] ?? []}
                        isOwn={(source) =>
                          source.subject === subject.kind && source.id === subject.id
                        }
                      />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}

interface ReasonsProps {
  sources: readonly Source[];
  isOwn: (source: Source) => boolean;
}

function Reasons({ sources, isOwn }: ReasonsProps) {
  if (sources.length === 0) return <span class="hint">no</span>;
  return (
    <>
      yes
      {sources.map((source) => (
        <span key={source.grant} class="hint reason" dir="auto" title={source.reason || undefined}>
          {isOwn(source) ? `granted directly${endWords(source)}` : sourceWords(source)}
        </span>
      ))}
    </>
  );
}
