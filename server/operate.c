/* operate.c: the backup. It writes a file of the asker's choice, so only the administration socket may ask for it. */
#include "operate.h"
#include <string.h>

static enum status backup_work(struct request *request, struct db *db)
{
    char why[256] = "";
    enum status status = store_backup(db, json_get_text(request->params, "path"), why, sizeof why);
    return status == STATUS_OK ? STATUS_OK : request_refuse(request, status, "%s", why);
}

static void backup_start(struct request *request)
{
    const char *path = NULL;
    if (!request->actor.is_shell) {
        request_finish(request, STATUS_FORBIDDEN);
        return;
    }
    if (!param_text(request, "path", PARAM_REQUIRED, 2, 4000, &path) || path[0] != '/') {
        request_refuse(request, STATUS_INVALID, "The path of a backup must begin with /.");
        request_finish(request, STATUS_INVALID);
        return;
    }
    request_read(request, backup_work, NULL);
}

static const struct route operate_routes[] = {
    {"backup.create", HTTP_M_POST, "backup", ROUTE_SUPERUSER | ROUTE_HTTP_ONLY, NULL, 0, backup_start, 0, NULL},
};

void operate_add(struct dispatch *dispatch)
{
    dispatch_add(dispatch, operate_routes, ARRAY_LENGTH(operate_routes), NULL);
}
