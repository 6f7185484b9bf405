/* subject-picker.tsx: one field for whom permissions are about: type a few letters, choose a group, a person or all. */
import { Picker } from '../shared/ui/combobox.tsx';
import { useAdmin } from './admin.ts';
import { finderOfSubjects, kindWords, type SubjectChoice } from './subjects.ts';

interface SubjectPickerProps {
  label: string;
  /** Who is chosen, as it is to be shown. */
  value: string;
  onPick: (choice: SubjectChoice) => void;
}

export function SubjectPicker(props: SubjectPickerProps) {
  const { api, me } = useAdmin();
  return (
    <div class="subject-picker">
      <Picker
        {...props}
        find={finderOfSubjects(api, me.user.superuser === true)}
        about={[api, me]}
        optionOf={({ subject, kind, name }) => ({ key: subject, name, hint: kindWords[kind] })}
        nothing="No group and nobody is called like that. Try fewer letters."
      />
    </div>
  );
}
