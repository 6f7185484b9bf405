import { View } from './view.tsx';
import type { ViewProps } from './views.ts';
export function Ops({ params }: ViewProps) {
  return <View title="Ops">{JSON.stringify(params)}</View>;
}
