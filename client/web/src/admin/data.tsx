import { View } from './view.tsx';
import type { ViewProps } from './views.ts';
export function DataList({ params }: ViewProps) {
  return <View title="DataList">{JSON.stringify(params)}</View>;
}
export function DataForm({ params }: ViewProps) {
  return <View title="DataForm">{JSON.stringify(params)}</View>;
}
