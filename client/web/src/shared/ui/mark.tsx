/* mark.tsx: Parley's mark, two who talk with each other, and its name. The favicon is the same drawing. */

export function Brand() {
  return (
    <span class="brand">
      <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <path
          class="mark-other"
          d="M14 3h12a4 4 0 0 1 4 4v9a4 4 0 0 1-2 3.5V25l-6-5h-8a4 4 0 0 1-4-4V7a4 4 0 0 1 4-4z"
        />
        <path
          class="mark-self"
          d="M6 9h12a4.5 4.5 0 0 1 4.5 4.5V20a4.5 4.5 0 0 1-4.5 4.5h-6.5L5 30v-6a4.5 4.5 0 0 1-3.5-4.4v-6.1A4.5 4.5 0 0 1 6 9z"
        />
        <path class="mark-lines" d="M7 14.5h10M7 19h6" />
      </svg>
      Parley
    </span>
  );
}
