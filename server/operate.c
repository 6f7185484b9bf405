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
    static const char *const names[] = {"path", NULL};
    const char *path = NULL;
    if (!request->actor.is_shell) {
        request_refuse(request, STATUS_FORBIDDEN, "Only the command line may do this: parley backup FILE.");
        request_finish(request, STATUS_FORBIDDEN);
        return;
    }
    bool is_fine = params_only(request, names) && param_text(request, "path", PARAM_REQUIRED, 2, 4000, &path);
    if (is_fine && path[0] != '/')
        is_fine = request_invalid(request, "/path", "This must begin with \"/\".") == STATUS_OK;
    if (is_fine)
        request_read(request, backup_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

static const struct route operate_routes[] = {
    {"backup.create", HTTP_M_POST, "backup", ROUTE_SUPERUSER | ROUTE_HTTP_ONLY, NULL, 0, backup_start, 0, NULL},
};

void operate_add(struct dispatch *dispatch)
{
    dispatch_add(dispatch, operate_routes, ARRAY_LENGTH(operate_routes), NULL);
}
