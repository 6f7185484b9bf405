/* members-dialog.tsx: everybody in a room: who they are in it, who is here, and what one may change. */
import { useEffect, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { count } from '../shared/text.ts';
import type { Member, Page, Room, User } from '../shared/types.ts';
import { Confirm, Dialog } from '../shared/ui/dialog.tsx';
import { Field } from '../shared/ui/form.tsx';
import { Icon } from '../shared/ui/icon.tsx';
import { useChat } from './chat.ts';
import { PickPerson } from './dialogs.tsx';
import { mayInvite, mayRemove, roleHints, roles, rolesToGive } from './members.ts';
import { roomTitle } from './rooms.ts';

const page_size = 100;
const filter_delay_ms = 200;

export function Members({ room, onClose }: { room: Room; onClose: () => void }) {
  const { api, me, session } = useChat();
  const [filter, setFilter] = useState('');
  const [members, setMembers] = useState<readonly Member[] | null>(null);
  const [next, setNext] = useState<string | number | null>(null);
  const [error, setError] = useState('');
  const [leaving, setLeaving] = useState<Member | null>(null);
  const [isInviting, setInviting] = useState(false);
  const base = `/room/${room.id}/member`;

  const load = async (after: string | number | null, isCurrent: () => boolean) => {
    const query = new URLSearchParams({ limit: String(page_size) });
    if (filter.trim()) query.set('q', filter.trim());
    if (after !== null) query.set('after', String(after));
    try {
      const page = await api.get<Page<Member>>(`${base}?${query}`);
      if (!isCurrent()) return;
      setMembers((known) => (after === null ? page.items : [...(known ?? []), ...page.items]));
      setNext(page.next);
      setError('');
    } catch (problem) {
      if (isCurrent()) setError(asProblem(problem).words);
    }
  };
  // Somebody who comes or goes while this is open changes the count.
  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(() => load(null, () => isCurrent), members ? filter_delay_ms : 0);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [filter, room.id, room.members]);

  const attempt = async (action: () => Promise<void>) => {
    setError('');
    await action().catch((problem: unknown) => setError(asProblem(problem).words));
  };
  const setRole = (member: Member, role: string) =>
    attempt(async () => {
      const changed = await api.patch<Member>(`${base}/${member.user}`, { role });
      setMembers((known) => known?.map((other) => (other === member ? changed : other)) ?? null);
    });
  const remove = (member: Member) =>
    attempt(async () => {
      await api.delete(`${base}/${member.user}`);
      setMembers((known) => known?.filter((other) => other.user !== member.user) ?? null);
    });
  const invite = async (user: User) => {
    const added = await api.post<Member>(base, { user: user.id });
    setMembers((known) => [added, ...(known ?? []).filter((other) => other.user !== added.user)]);
    setInviting(false);
  };
  return (
    <Dialog title={`Members of ${roomTitle(room)}`} class="dialog-wide" onClose={onClose}>
      <div class="form">
        <div class="form-row">
          <Field
            label="Find"
            name="filter"
            type="search"
            autocomplete="off"
            placeholder="beginning of a name"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
          {mayInvite(room, session) && (
            <button type="button" class="button" onClick={() => setInviting(true)}>
              Invite
            </button>
          )}
        </div>
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <p class="hint" role="status">
          {members && statusOf(members.length, filter, room)}
        </p>
        <ul class="members" aria-label="Members">
          {members?.map((member) => (
            <MemberRow
              key={member.user}
              room={room}
              member={member}
              isMe={member.user === me.user.id}
              onRole={(role) => setRole(member, role)}
              onRemove={() => setLeaving(member)}
            />
          ))}
        </ul>
        {next !== null && (
          <button type="button" class="button" onClick={() => load(next, () => true)}>
            Show more
          </button>
        )}
        <RoleHelp />
      </div>
      {isInviting && (
        <PickPerson
          title={`Invite to ${roomTitle(room)}`}
          onPick={invite}
          onClose={() => setInviting(false)}
        />
      )}
      {leaving && (
        <Confirm
          title={`Remove ${leaving.name}?`}
          text={
            room.kind === 'public'
              ? `${leaving.name} may still read ${roomTitle(room)} and can join it again.`
              : `${leaving.name} can no longer read ${roomTitle(room)}. What was written stays.`
          }
          action="Remove"
          onConfirm={() => void remove(leaving)}
          onClose={() => setLeaving(null)}
        />
      )}
    </Dialog>
  );
}

function statusOf(shown: number, filter: string, room: Room): string {
  if (filter.trim()) return shown === 0 ? 'Nobody here has such a name.' : `${shown} found`;
  return `${count(room.members, 'member', 'members')} in all`;
}

interface MemberRowProps {
  room: Room;
  member: Member;
  isMe: boolean;
  onRole: (role: string) => void;
  onRemove: () => void;
}

function MemberRow({ room, member, isMe, onRole, onRemove }: MemberRowProps) {
  const chat = useChat();
  const open = chat.room.value;
  const isHere =
    open?.id === room.id && open.presence.people.value.some((p) => p.id === member.user);
  const choice = chat.session.can('member', 'write') ? rolesToGive(room, member.role) : [];
  return (
    <li class="member">
      <span class={isHere ? 'dot' : 'dot dot-away'} aria-hidden="true" />
      <span class="member-name">
        <span dir="auto">{member.name}</span>
        {isMe && <span class="hint"> you</span>}
        {isHere && <span class="visually-hidden">, here now</span>}
      </span>
      {choice.length > 0 && !isMe ? (
        <select
          aria-label={`Role of ${member.name}`}
          value={member.role}
          onChange={(event) => {
            const role = event.currentTarget.value;
            // What is shown is what holds: the new one is shown once the server has it.
            event.currentTarget.value = member.role;
            onRole(role);
          }}
        >
          {choice.map((role) => (
            <option key={role} value={role}>
              {role}
            </option>
          ))}
        </select>
      ) : (
        <span class="hint">{member.role}</span>
      )}
      {!isMe && mayRemove(room, member.role) && chat.session.can('member', 'delete') && (
        <button
          type="button"
          class="button-icon"
          aria-label={`Remove ${member.name}`}
          onClick={onRemove}
        >
          <Icon name="close" />
        </button>
      )}
    </li>
  );
}

function RoleHelp() {
  return (
    <details>
      <summary>What the roles may do</summary>
      <ul class="role-help">
        {roles.map((role) => (
          <li key={role}>
            <strong>{role}</strong>: {roleHints[role]}
          </li>
        ))}
      </ul>
    </details>
  );
}
