/* theme.ts: light, dark, or as the system says; remembered in this browser. */
import { signal } from '@preact/signals-core';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const place = 'parley.theme';

export const theme = signal<Theme>('system');

export function startTheme(): void {
  setTheme((localStorage.getItem(place) ?? 'system') as Theme);
}

export function setTheme(next: Theme): void {
  theme.value = themes.includes(next) ? next : 'system';
  if (theme.value === 'system') {
    localStorage.removeItem(place);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(place, theme.value);
    document.documentElement.dataset.theme = theme.value;
  }
}
