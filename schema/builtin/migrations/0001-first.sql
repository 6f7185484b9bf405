-- The built-in models: people, permissions, rooms and what is said in them.
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE, -- how two names are compared: lower case
    email TEXT UNIQUE,
    password_hash TEXT NOT NULL,      -- '' : nobody can sign in with a password
    superuser INTEGER NOT NULL DEFAULT 0 CHECK (superuser IN (0, 1)),
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX user_name ON user(name); -- lists are in this order

CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
    token_digest TEXT NOT NULL UNIQUE, -- SHA-256 of the token, which only the client has
    name TEXT NOT NULL DEFAULT '',     -- of an API token
    scopes TEXT,                       -- JSON: an API token, and what it may be used for; null: somebody signed in
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    peer TEXT NOT NULL,
    agent TEXT NOT NULL
) STRICT;
CREATE INDEX session_user ON session(user_id);

CREATE TABLE "group" (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE group_member (
    group_id INTEGER NOT NULL REFERENCES "group"(id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_user ON group_member(user_id);

-- subject: 'everyone', 'members' (all who are registered), 'user' or 'group'.
CREATE TABLE "grant" (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL CHECK (subject IN ('everyone', 'members', 'user', 'group')),
    user_id INTEGER REFERENCES user(id) ON DELETE CASCADE,
    group_id INTEGER REFERENCES "group"(id) ON DELETE CASCADE,
    model TEXT NOT NULL,
    rights INTEGER NOT NULL CHECK (rights BETWEEN 1 AND 15), -- 1 read, 2 write, 4 delete, 8 grant to others
    reason TEXT NOT NULL DEFAULT '',
    until INTEGER,              -- ends by itself then; null: never
    granted_by INTEGER REFERENCES user(id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    CHECK ((subject = 'user') = (user_id IS NOT NULL)),
    CHECK ((subject = 'group') = (group_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX grant_once ON "grant"(subject, ifnull(user_id, 0), ifnull(group_id, 0), model);

-- Who changed which permission, when and why; rows are only ever added.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    user_id INTEGER,            -- null: the shell
    action TEXT NOT NULL,
    detail TEXT NOT NULL,       -- JSON
    digest TEXT NOT NULL DEFAULT '' -- SHA-256 of the digest before and of this entry: nothing can be changed unseen
) STRICT;
CREATE INDEX audit_action ON audit(action);
-- Against mistakes; whoever writes the file without us could drop these, and the chain of digests would tell.
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'entries of the record are never changed');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'entries of the record are never deleted');
END;
-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = new.id)
BEGIN
    SELECT RAISE(ABORT, 'entries of the record are never replaced');
END;

-- Answers to requests with an idempotency key: asked again, they are given again.
CREATE TABLE idempotency (
    user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    action TEXT NOT NULL,
    digest TEXT NOT NULL,       -- of the parameters
    answer TEXT NOT NULL,
    created_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency(at);

-- Models of schema/ that were here before: their default grants are given once, when they are new.
CREATE TABLE model_seen (
    name TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- kind: public (anyone who may read messages), private (members), direct (exactly two people).
CREATE TABLE room (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('public', 'private', 'direct')),
    name TEXT NOT NULL,
    topic TEXT NOT NULL DEFAULT '',
    direct_key TEXT UNIQUE,     -- 'low:high' user ids of a direct room
    created_by INTEGER REFERENCES user(id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    epoch TEXT NOT NULL,        -- of the room's log; a new one after a restore
    top INTEGER NOT NULL DEFAULT 0 -- the last offset given out
) STRICT;
CREATE UNIQUE INDEX room_name ON room(lower(name)) WHERE kind = 'public';

CREATE TABLE member (
    room_id INTEGER NOT NULL REFERENCES room(id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'moderator', 'member', 'reader')),
    read_offset INTEGER NOT NULL DEFAULT 0, -- read up to here
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_user ON member(user_id);

CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id INTEGER NOT NULL REFERENCES room(id) ON DELETE CASCADE,
    offset INTEGER NOT NULL,    -- of the event that announced it
    author INTEGER NOT NULL REFERENCES user(id),
    text TEXT NOT NULL,
    reply_to INTEGER REFERENCES message(id),
    key TEXT,                   -- the author's own idempotency key
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX message_offset ON message(room_id, offset);
CREATE UNIQUE INDEX message_key ON message(room_id, author, key) WHERE key IS NOT NULL;

-- Deleting a room must not look through all messages for each one's replies.
CREATE INDEX message_reply ON message(reply_to) WHERE reply_to IS NOT NULL;

-- The index of what was said: it has no copy of the texts, and the room as a word ("r7"), so that it can be asked for
-- some rooms only. It follows the messages up to `up_to`; messages of deleted rooms stay in it and are never found.
CREATE VIRTUAL TABLE message_search USING fts5(text, scope, content='', columnsize=0,
    tokenize='unicode61 remove_diacritics 2', prefix='3');
CREATE TABLE message_indexed (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    up_to INTEGER NOT NULL
) STRICT;
INSERT INTO message_indexed(id, up_to) VALUES (0, 0);
CREATE TRIGGER message_text AFTER UPDATE OF text ON message
    WHEN old.text <> new.text AND old.id <= (SELECT up_to FROM message_indexed)
BEGIN
    INSERT INTO message_search(message_search, rowid, text, scope)
        SELECT 'delete', old.id, old.text, 'r' || old.room_id WHERE old.text <> '';
    INSERT INTO message_search(rowid, text, scope) SELECT new.id, new.text, 'r' || new.room_id WHERE new.text <> '';
END;

CREATE TABLE reaction (
    message_id INTEGER NOT NULL REFERENCES message(id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
    emoji TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (message_id, emoji, user_id)
) STRICT, WITHOUT ROWID;

-- The room's durable log: what was pushed, as it was pushed.
CREATE TABLE event (
    room_id INTEGER NOT NULL REFERENCES room(id) ON DELETE CASCADE,
    offset INTEGER NOT NULL,
    data TEXT NOT NULL,         -- the JSON of pub.data
    PRIMARY KEY (room_id, offset)
) STRICT, WITHOUT ROWID;

INSERT INTO "grant"(subject, model, rights, reason, created_at, updated_at) VALUES
    ('members', 'user', 1, 'default', 0, 0),
    ('members', 'room', 7, 'default', 0, 0),
    ('members', 'member', 7, 'default', 0, 0),
    ('members', 'message', 7, 'default', 0, 0);
