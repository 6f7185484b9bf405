/* overview.tsx: where to begin. */
import { useAdmin } from './admin.ts';
import { View } from './view.tsx';

export function Overview() {
  const { models } = useAdmin();
  return (
    <View title="Overview">
      {models.error.value && (
        <p class="error" role="alert">
          {models.error.value}
        </p>
      )}
      <ul class="cards">
        {models.withRows.value.map((model) => (
          <li key={model.name} class="card">
            <h2>
              <a href={`/admin/data/${model.name}`} dir="auto">
                {model.title}
              </a>
            </h2>
            <p class="hint" dir="auto">
              {model.description}
            </p>
          </li>
        ))}
      </ul>
    </View>
  );
}
