import { View } from './view.tsx';
import type { ViewProps } from './views.ts';
export function Matrix({ params }: ViewProps) {
  return <View title="Matrix">{JSON.stringify(params)}</View>;
}
export function Effective({ params }: ViewProps) {
  return <View title="Effective">{JSON.stringify(params)}</View>;
}
export function Audit({ params }: ViewProps) {
  return <View title="Audit">{JSON.stringify(params)}</View>;
}
