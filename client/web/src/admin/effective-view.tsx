/* effective-view.tsx: what somebody may do and why, and who may do something. */
import { navigate, search } from '../shared/router.ts';
import { useAdmin } from './admin.ts';
import { type Question, questionPath, readQuestion } from './effective.ts';
import { AllRights, Explanation } from './effective-what.tsx';
import { WhoMay } from './effective-who.tsx';
import { type AnyRight, allRights } from './grants.ts';
import { RowPicker } from './row-picker.tsx';
import { View } from './view.tsx';

export function EffectiveView() {
  const question = readQuestion(search.value);
  return (
    <View title="Effective rights">
      <nav class="tabs" aria-label="Question">
        <Tab question={question} direction="what" name="What may somebody do?" />
        <Tab question={question} direction="who" name="Who may do something?" />
      </nav>
      {question.direction === 'what' ? <What question={question} /> : <Who question={question} />}
    </View>
  );
}

interface TabProps {
  question: Question;
  direction: Question['direction'];
  name: string;
}

function Tab({ question, direction, name }: TabProps) {
  return (
    <a
      class="button"
      href={questionPath({ ...question, direction, user: question.user, after: '' })}
      aria-current={question.direction === direction ? 'page' : undefined}
    >
      {name}
    </a>
  );
}

/* A new question is a new place in the history: back leads to the one before. */
const ask = (question: Partial<Question>) => navigate(questionPath({ ...question, after: '' }));

function What({ question }: { question: Question }) {
  const { user, group, model } = question;
  return (
    <>
      <div class="toolbar">
        <RowPicker
          model="user"
          label="Person"
          value={user}
          onPick={(id) => ask({ ...question, user: id, group: null })}
        />
        <OnModel question={question} none="all models" />
      </div>
      {user === null && group === null && <p>Choose a person to see what they may do.</p>}
      {user !== null && model !== '' && <Explanation question={question} />}
      {(user !== null || group !== null) && model === '' && (
        <AllRights
          subject={user !== null ? { kind: 'user', id: user } : { kind: 'group', id: group ?? 0 }}
        />
      )}
    </>
  );
}

function Who({ question }: { question: Question }) {
  return (
    <>
      <div class="toolbar">
        <OnModel question={question} none="Choose …" />
      </div>
      {question.model === '' ? (
        <p>Choose a model and a right to see who has it.</p>
      ) : (
        <WhoMay question={question} />
      )}
    </>
  );
}

/* The model, and with one the right and perhaps a row. */
function OnModel({ question, none }: { question: Question; none: string }) {
  const { models } = useAdmin();
  const { model, right, row } = question;
  const isListed = models.all.value.some(({ name }) => name === model);
  return (
    <>
      <label class="field">
        Model
        <select
          value={model}
          onChange={(event) => ask({ ...question, model: event.currentTarget.value, row: '' })}
        >
          <option value="">{none}</option>
          {model !== '' && !isListed && <option value={model}>{model}</option>}
          {models.all.value.map(({ name, title }) => (
            <option key={name} value={name}>
              {title === name ? name : `${title} (${name})`}
            </option>
          ))}
        </select>
      </label>
      {model !== '' && (
        <>
          <label class="field">
            Right
            <select
              value={right}
              onChange={(event) =>
                ask({ ...question, right: event.currentTarget.value as AnyRight })
              }
            >
              {allRights.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            Row number
            <input
              inputMode="numeric"
              autocomplete="off"
              placeholder="Any row"
              value={row}
              onChange={(event) => ask({ ...question, row: event.currentTarget.value.trim() })}
            />
          </label>
        </>
      )}
    </>
  );
}
