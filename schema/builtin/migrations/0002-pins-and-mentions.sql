-- What a room keeps in view, who was meant in a message, and how loud a room is for each member.
ALTER TABLE member ADD COLUMN notify TEXT NOT NULL DEFAULT 'all' CHECK (notify IN ('all', 'mentions', 'none'));

CREATE TABLE pin (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of pinning
    room_id INTEGER NOT NULL REFERENCES room(id) ON DELETE CASCADE,
    message_id INTEGER NOT NULL UNIQUE REFERENCES message(id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE, -- who pinned it
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX pin_room ON pin(room_id);

CREATE TABLE mention (
    user_id INTEGER NOT NULL,
    room_id INTEGER NOT NULL,
    offset INTEGER NOT NULL,    -- of the event that mentioned them first: the message's own, or that of a change of it
    message_id INTEGER NOT NULL REFERENCES message(id) ON DELETE CASCADE,
    PRIMARY KEY (message_id, user_id),
    FOREIGN KEY (room_id, user_id) REFERENCES member(room_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX mention_unread ON mention(user_id, room_id, offset);
