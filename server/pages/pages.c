/* pages/pages.c: the browser client's files and the rules by which they are answered. */
#include "pages/pages.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#define ZLIB_CONST /* zlib promises not to write what it reads only if asked to */
#include <zlib.h>

#include "lib/buffer.h"
#include "lib/hash.h"
#include "lib/json.h"
#include "lib/random.h"

/* Nothing but our own files, no inline code, and no way to turn a text into markup. */
#define POLICY                                                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                                    \
    "img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; "                              \
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types "
#define PAGE_POLICY POLICY "'none'"
/* The viewer of the API's description brings a sanitizer that wants its policy as soon as it is loaded. */
#define DOCS_PATH   "/api/docs"
#define DOCS_POLICY POLICY "dompurify"

#define MADE_MAX    4  /* pages that the program makes itself */
#define ETAG_LENGTH 20 /* characters of a digest: no two versions of a page share them */

static const char plain_page[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Parley</title>\n"
    "<h1>Parley is running</h1>\n"
    "<p>The browser client is not installed. To build it (needs Node 18 or newer with npm), in the source "
    "folder:</p>\n"
    "<pre>meson configure build -Dclient=build &amp;&amp; ninja -C build</pre>\n"
    "<p>Then start the server again, or name a folder with the client's files by the setting client.dir.\n"
    "The API under /api/v1 and the WebSocket at /connection/websocket work without it.</p>\n</html>\n";

/* In the order of preference, the best last. */
enum encoding { IDENTITY, GZIP, BROTLI, ENCODINGS };
static const struct {
    const char *name;   /* in Accept-Encoding and Content-Encoding */
    const char *suffix; /* of the file, and its name in the manifest */
} encodings[ENCODINGS] = {{"identity", ""}, {"gzip", "gz"}, {"br", "br"}};

/* One file in one encoding. The headers are made once: answering copies nothing. */
struct variant {
    char *body; /* NULL: the file does not come in this encoding */
    size_t length;
    char *etag; /* with its quotes */
    char *headers;
};
struct page {
    char *path;
    char *type;
    bool is_immutable;
    struct variant variants[ENCODINGS];
};
struct pages {
    struct page *items;
    size_t count;
    struct page made[MADE_MAX]; /* pages_add() */
    size_t made_count;
    size_t bytes;
    struct text_map *by_path;
    const struct page *chat, *admin; /* what the addresses inside the client are answered with; may be NULL */
    char *plain_headers;
};

static enum status manifest_read(struct pages *pages, const char *folder, char *why, size_t why_size);
static enum status page_read(struct pages *pages, struct page *page, const char *folder, const cJSON *entry, char *why,
                             size_t why_size);
static enum status variant_read(struct pages *pages, struct page *page, enum encoding encoding, const char *folder,
                                const cJSON *entry, char *why, size_t why_size);
static bool variant_set(struct page *page, enum encoding encoding, char *body, size_t length, const char *etag,
                        int etag_length, bool varies);
static bool gzip_make(const char *bytes, size_t length, char *gzip, size_t *gzip_length);
static int etag_bare(const char **etag);
static char *headers_new(const struct page *page, enum encoding encoding, const char *etag, bool varies);
static const struct page *page_of(const struct pages *pages, const char *path);
static bool is_page_path(const char *path, bool *is_admin);
static enum encoding choose_encoding(const struct page *page, const char *accept_encoding);
static bool etag_is_listed(const char *etag, const char *if_none_match);
static bool file_read(const char *path, size_t bytes_max, struct buffer *content);
static void default_folder(char *folder, size_t size);

enum status pages_open(const char *client_dir, struct pages **out, char *why, size_t why_size)
{
    char folder[4096];
    if (client_dir && client_dir[0])
        snprintf(folder, sizeof folder, "%s", client_dir);
    else
        default_folder(folder, sizeof folder);

    SCOPED(pages_free) struct pages *pages = calloc(1, sizeof *pages);
    if (!pages || !(pages->by_path = text_map_new()))
        return FAULT("no memory for the client's pages");
    struct page plain = {.type = (char *)"text/html"};
    pages->plain_headers = headers_new(&plain, IDENTITY, NULL, false);
    if (!pages->plain_headers)
        return FAULT("no memory for the client's pages");
    enum status status = manifest_read(pages, folder, why, why_size);
    if (status != STATUS_OK)
        return status;
    pages->chat = page_of(pages, "/");
    pages->admin = page_of(pages, "/admin");
    *out = TAKE(pages);
    return STATUS_OK;
}

static void page_clear(struct page *page)
{
    for (int encoding = IDENTITY; encoding < ENCODINGS; encoding++) {
        free(page->variants[encoding].body);
        free(page->variants[encoding].etag);
        free(page->variants[encoding].headers);
    }
    free(page->path);
    free(page->type);
}

void pages_free(struct pages *pages)
{
    if (!pages)
        return;
    for (size_t i = 0; i < pages->count; i++)
        page_clear(&pages->items[i]);
    for (size_t i = 0; i < pages->made_count; i++)
        page_clear(&pages->made[i]);
    free(pages->items);
    free(pages->plain_headers);
    text_map_free(pages->by_path);
    free(pages);
}

bool pages_have(const struct pages *pages, const char *path)
{
    return page_of(pages, path) != NULL;
}

enum status pages_add(struct pages *pages, const char *path, const char *type, const char *body, size_t length)
{
    assert(pages->made_count < MADE_MAX);
    struct page *page = &pages->made[pages->made_count++];
    char etag[DIGEST_TEXT_SIZE], *copy = malloc(length + 1), *gzip = malloc(length + 1);
    size_t gzip_length = 0;
    digest_text(body, length, etag);
    page->path = strdup(path);
    page->type = strdup(type);
    if (copy)
        memcpy(copy, body, length);
    bool has_gzip = gzip_make(body, length, gzip, &gzip_length);
    bool is_fine = page->path && page->type && variant_set(page, IDENTITY, copy, length, etag, ETAG_LENGTH, has_gzip);
    if (is_fine && has_gzip)
        is_fine = variant_set(page, GZIP, TAKE(gzip), gzip_length, etag, ETAG_LENGTH, true);
    free(gzip);
    if (!is_fine || !text_map_set(pages->by_path, path, strlen(path), page))
        return FAULT("no memory for the page %s", path);
    return STATUS_OK;
}

bool pages_has_client(const struct pages *pages)
{
    return pages->chat != NULL;
}

bool pages_answer(struct pages *pages, struct http *http, const struct http_request *request)
{
    struct http_answer answer;
    if (!pages_find(pages, request->path, http_header(request, "Accept-Encoding"),
                    http_header(request, "If-None-Match"), &answer))
        return false;
    if (request->method != HTTP_M_GET && request->method != HTTP_M_HEAD)
        answer = (struct http_answer){
            .status = status_http(STATUS_METHOD_NOT_ALLOWED), .headers = "Allow: GET, HEAD\r\n", .is_static = true};
    http_answer(http, request->id, &answer);
    return true;
}

bool pages_find(const struct pages *pages, const char *path, const char *accept_encoding, const char *if_none_match,
                struct http_answer *answer)
{
    bool is_admin = false;
    const struct page *page = page_of(pages, path);
    if (!page && is_page_path(path, &is_admin)) {
        page = is_admin ? pages->admin : pages->chat;
        if (!page && !pages_has_client(pages)) {
            *answer = (struct http_answer){.status = 200,
                                           .content_type = "text/html; charset=utf-8",
                                           .body = plain_page,
                                           .body_length = sizeof plain_page - 1,
                                           .headers = pages->plain_headers,
                                           .is_static = true};
            return true;
        }
    }
    if (!page) {
        /* A missing script must fail as one: a page in its place would hide an outdated bundle. */
        if (strncmp(path, "/assets/", strlen("/assets/")) != 0 && !is_admin)
            return false;
        static const char missing[] = "There is no such file.\n";
        *answer = (struct http_answer){.status = 404,
                                       .content_type = "text/plain; charset=utf-8",
                                       .body = missing,
                                       .body_length = sizeof missing - 1,
                                       .headers = "Cache-Control: no-store\r\n",
                                       .is_static = true};
        return true;
    }
    const struct variant *variant = &page->variants[choose_encoding(page, accept_encoding)];
    *answer = (struct http_answer){.status = 304, .headers = variant->headers, .is_static = true};
    if (!etag_is_listed(variant->etag, if_none_match)) {
        answer->status = 200;
        answer->content_type = page->type;
        answer->body = variant->body;
        answer->body_length = variant->length;
    }
    return true;
}

static enum status manifest_read(struct pages *pages, const char *folder, char *why, size_t why_size)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    SCOPED(buffer_free) struct buffer text = {0};
    if (!file_read(path, PAGES_BYTES_MAX, &text)) {
        if (errno == ENOENT || errno == ENOTDIR)
            return STATUS_OK; /* no bundle: the plain page */
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return STATUS_INVALID;
    }
    const char *problem = "it must be a list of files";
    SCOPED(json_free) cJSON *manifest = json_parse(text.bytes ? text.bytes : "", text.length, &problem);
    if (!cJSON_IsArray(manifest)) {
        snprintf(why, why_size, "%s: %s", path, problem);
        return STATUS_INVALID;
    }
    pages->items = calloc((size_t)cJSON_GetArraySize(manifest) + 1, sizeof *pages->items);
    if (!pages->items)
        return FAULT("no memory for the client's pages");
    const cJSON *entry;
    cJSON_ArrayForEach (entry, manifest) {
        struct page *page = &pages->items[pages->count++];
        enum status status = page_read(pages, page, folder, entry, why, why_size);
        if (status != STATUS_OK)
            return status;
        if (!text_map_set(pages->by_path, page->path, strlen(page->path), page))
            return FAULT("no memory for the client's pages");
    }
    if (!page_of(pages, "/")) {
        snprintf(why, why_size, "%s: the page / is missing", path);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status page_read(struct pages *pages, struct page *page, const char *folder, const cJSON *entry, char *why,
                             size_t why_size)
{
    const char *path = json_get_text(entry, "path");
    const char *type = json_get_text(entry, "type");
    if (!path || path[0] != '/' || !type || !type[0]) {
        snprintf(why, why_size, "%s/manifest.json: file %zu needs a \"path\" that begins with / and a \"type\"", folder,
                 pages->count);
        return STATUS_INVALID;
    }
    page->path = strdup(path);
    page->type = strdup(type);
    page->is_immutable = json_get_bool(entry, "immutable");
    if (!page->path || !page->type)
        return FAULT("no memory for the client's pages");
    enum status status = variant_read(pages, page, IDENTITY, folder, entry, why, why_size);
    const cJSON *encoding;
    cJSON_ArrayForEach (encoding, json_get(entry, "encodings")) {
        const char *name = json_text(encoding);
        for (int i = GZIP; status == STATUS_OK && name && i < ENCODINGS; i++)
            if (strcmp(name, encodings[i].suffix) == 0 || strcmp(name, encodings[i].name) == 0)
                status = variant_read(pages, page, (enum encoding)i, folder, entry, why, why_size);
    }
    return status;
}

static enum status variant_read(struct pages *pages, struct page *page, enum encoding encoding, const char *folder,
                                const cJSON *entry, char *why, size_t why_size)
{
    const char *file = json_get_text(entry, "file");
    const char *etag = json_get_text(entry, "etag");
    int etag_length = etag_bare(&etag);
    if (!file)
        file = page->path + 1;
    /* The manifest is ours, but a folder somebody unpacked need not be. */
    if (file[0] == '/' || strstr(file, "..") || etag_length == 0 || page->variants[encoding].body) {
        snprintf(why, why_size,
                 "%s/manifest.json: %s needs a \"file\" inside the folder, a plain \"etag\", and each "
                 "encoding once",
                 folder, page->path);
        return STATUS_INVALID;
    }
    char path[8400];
    const char *suffix = encodings[encoding].suffix;
    snprintf(path, sizeof path, "%s/%s%s%s", folder, file, suffix[0] ? "." : "", suffix);
    SCOPED(buffer_free) struct buffer content = {0};
    if (!file_read(path, PAGES_BYTES_MAX - pages->bytes, &content)) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return STATUS_INVALID;
    }
    pages->bytes += content.length;
    size_t length = content.length;
    bool varies = cJSON_GetArraySize(json_get(entry, "encodings")) > 0;
    bool is_fine = variant_set(page, encoding, buffer_take(&content, NULL), length, etag, etag_length, varies);
    return is_fine ? STATUS_OK : FAULT("no memory for the client's pages");
}

/* Takes @body. False: no memory. */
static bool variant_set(struct page *page, enum encoding encoding, char *body, size_t length, const char *etag,
                        int etag_length, bool varies)
{
    SCOPED(buffer_free) struct buffer quoted = {0};
    struct variant *variant = &page->variants[encoding];
    const char *suffix = encodings[encoding].suffix;
    /* Each encoding has a tag of its own: they are different bytes. */
    buffer_printf(&quoted, "\"%.*s%s%s\"", etag_length, etag, suffix[0] ? "-" : "", suffix);
    variant->length = length;
    variant->body = body;
    variant->etag = buffer_take(&quoted, NULL);
    variant->headers = variant->etag ? headers_new(page, encoding, variant->etag, varies) : NULL;
    return variant->body && variant->headers;
}

/* False: no memory, or it would not be shorter. */
static bool gzip_make(const char *bytes, size_t length, char *gzip, size_t *gzip_length)
{
    z_stream stream = {0};
    /* 15: zlib's largest window; 16 more: with the head of gzip. */
    if (!gzip || length > UINT_MAX || deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    stream.next_in = (const Bytef *)bytes;
    stream.avail_in = (uInt)length;
    stream.next_out = (Bytef *)gzip;
    stream.avail_out = (uInt)length;
    bool is_shorter = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    *gzip_length = stream.total_out;
    deflateEnd(&stream);
    return is_shorter;
}

/* Step *etag over its quote if it has them; returns the length between them, 0 if it is missing or no plain
 * word. */
static int etag_bare(const char **etag)
{
    if (!*etag)
        return 0;
    bool is_quoted = **etag == '"';
    *etag += is_quoted;
    size_t length = strspn(*etag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/=");
    return strcmp(*etag + length, is_quoted ? "\"" : "") == 0 && length < 200 ? (int)length : 0;
}

/* NULL: no memory. */
static char *headers_new(const struct page *page, enum encoding encoding, const char *etag, bool varies)
{
    SCOPED(buffer_free) struct buffer headers = {0};
    bool is_fine = http_answer_header(&headers, "Cache-Control",
                                      page->is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (etag)
        is_fine = is_fine && http_answer_header(&headers, "ETag", etag);
    if (encoding != IDENTITY)
        is_fine = is_fine && http_answer_header(&headers, "Content-Encoding", encodings[encoding].name);
    if (varies)
        is_fine = is_fine && http_answer_header(&headers, "Vary", "Accept-Encoding");
    /* An image can be opened as a document too, and may then hold scripts. */
    if (strncmp(page->type, "text/html", strlen("text/html")) == 0 || strstr(page->type, "svg"))
        is_fine = is_fine &&
                  http_answer_header(&headers, "Content-Security-Policy",
                                     page->path && strcmp(page->path, DOCS_PATH) == 0 ? DOCS_POLICY : PAGE_POLICY) &&
                  http_answer_header(&headers, "Cross-Origin-Opener-Policy", "same-origin");
    return is_fine ? buffer_take(&headers, NULL) : NULL;
}

static const struct page *page_of(const struct pages *pages, const char *path)
{
    return text_map_get(pages->by_path, path, strlen(path));
}

/* The addresses inside the client: it reads them itself once its page is there. */
static bool is_page_path(const char *path, bool *is_admin)
{
    *is_admin = strcmp(path, "/admin") == 0 || strncmp(path, "/admin/", strlen("/admin/")) == 0;
    return *is_admin || strcmp(path, "/") == 0 || strcmp(path, "/setup") == 0 ||
           strcmp(path, "/account") == 0 || strncmp(path, "/r/", strlen("/r/")) == 0;
}

/* The length of the next item of a comma-separated list; *list moves behind it. 0: the end. */
static size_t list_next(const char **list, const char **item)
{
    const char *start = *list + strspn(*list, ", \t");
    size_t length = strcspn(start, ",");
    *item = start;
    *list = start + length;
    return length;
}

/* "q=0" in any of its spellings: not this one, please. */
static bool is_refused(const char *parameters, size_t length)
{
    const char *end = parameters + length;
    const char *q = memchr(parameters, '=', length);
    if (!q)
        return false;
    for (q++; q < end; q++)
        if (*q != '0' && *q != '.' && *q != ' ' && *q != '\t')
            return false;
    return true;
}

static enum encoding choose_encoding(const struct page *page, const char *accept_encoding)
{
    enum encoding best = IDENTITY;
    const char *list = accept_encoding ? accept_encoding : "", *item;
    for (size_t length; (length = list_next(&list, &item)) > 0;) {
        size_t name_length = strcspn(item, ",; \t");
        if (is_refused(item + name_length, length - name_length))
            continue;
        for (int i = (int)best + 1; i < ENCODINGS; i++)
            if (page->variants[i].body && name_length == strlen(encodings[i].name) &&
                strncasecmp(item, encodings[i].name, name_length) == 0)
                best = (enum encoding)i;
    }
    return best;
}

static bool etag_is_listed(const char *etag, const char *if_none_match)
{
    const char *list = if_none_match ? if_none_match : "", *item;
    for (size_t length; (length = list_next(&list, &item)) > 0;) {
        while (length > 0 && (item[length - 1] == ' ' || item[length - 1] == '\t'))
            length--;
        if (length == 1 && item[0] == '*')
            return true;
        /* A proxy that compressed on its way may have made the tag a weak one. */
        if (length > 2 && strncmp(item, "W/", 2) == 0)
            item += 2, length -= 2;
        if (length == strlen(etag) && strncmp(item, etag, length) == 0)
            return true;
    }
    return false;
}

/* False: errno says why. */
static bool file_read(const char *path, size_t bytes_max, struct buffer *content)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return false;
    char block[16384];
    size_t length;
    int failure = 0;
    buffer_reserve(content, 1); /* so that an empty file has bytes too */
    while (!failure && (length = fread(block, 1, sizeof block, file)) > 0) {
        buffer_append(content, block, length);
        failure = content->has_failed ? ENOMEM : content->length > bytes_max ? EFBIG : 0;
    }
    if (!failure && ferror(file))
        failure = errno ? errno : EIO;
    fclose(file);
    errno = failure;
    return failure == 0;
}

/* Where the bundle lies beside a program in its build folder, or else beside an installed one. */
static void default_folder(char *folder, size_t size)
{
    char program[2048];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    snprintf(folder, size, "%s/client/web/client/manifest.json", program);
    if (access(folder, F_OK) == 0)
        snprintf(folder, size, "%s/client/web/client", program);
    else
        snprintf(folder, size, "%s/../share/parley/client", program);
}
