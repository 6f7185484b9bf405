-- Who changed which row of a model, and how: the newest entries of each row. They stay when the row goes.
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    model TEXT NOT NULL,
    row INTEGER NOT NULL,
    version INTEGER NOT NULL,   -- that the row had from then on; a deletion: that it had last
    at INTEGER NOT NULL,
    user_id INTEGER,            -- null: the shell
    action TEXT NOT NULL CHECK (action IN ('create', 'update', 'delete')),
    changes TEXT NOT NULL       -- JSON: {"title":["old","new"]}; of a create only the new values, of a delete only the old
) STRICT;
CREATE INDEX history_row ON history(model, row, id);
