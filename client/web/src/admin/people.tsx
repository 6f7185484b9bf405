import { View } from './view.tsx';
import type { ViewProps } from './views.ts';
export function UserList({ params }: ViewProps) {
  return <View title="UserList">{JSON.stringify(params)}</View>;
}
export function UserDetail({ params }: ViewProps) {
  return <View title="UserDetail">{JSON.stringify(params)}</View>;
}
export function GroupList({ params }: ViewProps) {
  return <View title="GroupList">{JSON.stringify(params)}</View>;
}
export function GroupDetail({ params }: ViewProps) {
  return <View title="GroupDetail">{JSON.stringify(params)}</View>;
}
