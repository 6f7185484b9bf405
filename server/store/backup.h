/* store/backup.h: a copy of the data base while it is in use. Private to store/. */
#pragma once
#include "store/store.h"

/* As store_backup(), but an older copy at @path is replaced, and never by half a copy. */
enum status backup_replace(struct db *db, const char *path, char *why, size_t why_size);
/* A new name is on the disk when its folder is: see to that. */
enum status backup_name_sync(const char *path, char *why, size_t why_size);
