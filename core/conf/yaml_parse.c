/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a tree of a text with libfyaml, and says what is wrong with the text, and where. */
#include "conf/yaml_parse.h"

typedef struct parsing {
    const yaml_text *from;
    cmp_report *report;
    conf_place seen; /* of the last node that has a place */
    char said[160];  /* what libfyaml printed first, for an error that it did not collect */
} parsing;

/* ---- what libfyaml says ---- */

/* What it would print itself has no place in our report, and might quote a secret. Most errors are
 * collected with their places; of the others the first line printed is all that there is. */
static void keep_output(struct fy_diag *diag, void *user, const char *text, size_t size)
{
    static const char mark[] = "[ERR]: ";
    parsing *p = user;
    (void)diag;
    if (p == NULL || *p->said != '\0' || size < sizeof(mark) ||
        memcmp(text, mark, sizeof(mark) - 1) != 0) {
        return;
    }
    const char *at = text + sizeof(mark) - 1;
    const char *end = memchr(at, '\n', size - (sizeof(mark) - 1));
    const size_t line = end != NULL ? (size_t)(end - at) : size - (sizeof(mark) - 1);
    snprintf(p->said, sizeof(p->said), "%.*s", (int)line, at);
}

static struct fy_diag *diag_create(parsing *p)
{
    struct fy_diag_cfg config;
    fy_diag_cfg_default(&config);
    config.fp = NULL;
    config.output_fn = keep_output;
    config.user = p;
    struct fy_diag *diag = fy_diag_create(&config);
    fy_diag_set_collect_errors(diag, true);
    return diag;
}

/* libfyaml shows the tokens of scalars only; but its own messages know where any node begins. */
bool yaml_mark(struct fy_node *node, unsigned *line, unsigned *column)
{
    struct fy_diag *diag = diag_create(NULL);
    void *at = NULL;
    fy_document_set_diag(fy_node_document(node), diag);
    fy_node_report(node, FYET_ERROR, "here");
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);
    const bool known = e != NULL && e->line > 0 && e->column > 0;
    if (known) {
        *line = (unsigned)e->line;
        *column = (unsigned)e->column;
    }
    fy_diag_destroy(diag); /* the document keeps it, silent */
    return known;
}

/* ---- errors without a place of their own ---- */

/* Up to where libfyaml could follow, which is where the last event ended that it made. */
static conf_place last_good(const parsing *p)
{
    conf_place place = {p->from->name, 1, 1};
    struct fy_diag *diag = diag_create(NULL);
    const struct fy_parse_cfg config = {.diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    if (fy_parser_set_string(parser, p->from->text.at, p->from->text.size) == 0) {
        for (struct fy_event *e; (e = fy_parser_parse(parser)) != NULL;) {
            const struct fy_mark *mark = fy_event_end_mark(e);
            if (mark != NULL && mark->line >= 0 && mark->column >= 0) {
                place.line = (unsigned)mark->line + 1;
                place.column = (unsigned)mark->column + 1;
            }
            fy_parser_event_free(parser, e);
        }
    }
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return place;
}

static conf_place last_line(const parsing *p)
{
    unsigned line = 1;
    for (size_t i = 0; i + 1 < p->from->text.size; i++) {
        line += p->from->text.at[i] == '\n';
    }
    return (conf_place){p->from->name, line, 1};
}

#define KEY_MAX 64 /* octets that are shown of one */

/* The key at an error's place: libfyaml says that it is there twice, but not which. Its columns
 * count characters, and of a key in quotes it shows what is behind the first. */
static cmp_str key_at(const parsing *p, const struct fy_diag_error *e)
{
    const char *at = p->from->text.at, *end = at + p->from->text.size;
    char before = '\0';
    for (int line = 1; line < e->line && at < end; at++) {
        line += *at == '\n';
    }
    for (int column = 1; column < e->column && at < end; column++) {
        before = *at;
        do {
            at++;
        } while (at < end && ((unsigned char)*at & 0xc0) == 0x80);
    }
    const char quote = before == '"' || before == '\'' ? before : '\0';
    size_t size = 0;
    while (at + size < end && size < KEY_MAX && at[size] != '\n' &&
           (quote != '\0' ? at[size] != quote : strchr(":,}", at[size]) == NULL)) {
        size++;
    }
    while (at + size < end && ((unsigned char)at[size] & 0xc0) == 0x80) {
        size--; /* no half of a character */
    }
    return (cmp_str){at, size};
}

/* What libfyaml says may quote the text, so a file with secrets gets words of our own. */
static void report_syntax(parsing *p, struct fy_diag *diag)
{
    const bool secret = p->from->secret;
    bool any = false;
    void *at = NULL;
    for (struct fy_diag_error *e; (e = fy_diag_errors_iterate(diag, &at)) != NULL; any = true) {
        const conf_place place = {p->from->name, e->line > 0 ? (unsigned)e->line : 1,
                                  e->column > 0 ? (unsigned)e->column : 1};
        const bool names_none = !secret && strcmp(e->msg, "duplicate key") == 0;
        const cmp_str key = names_none ? key_at(p, e) : CMP_STR("");
        report_add(p->report, place, NULL, "%s%s%.*s",
                   secret ? "no good YAML (the text is not shown)" : e->msg, names_none ? ": " : "",
                   (int)key.size, key.at);
    }
    if (!any) {
        const bool reason = !secret && *p->said != '\0';
        report_add(p->report, last_good(p), NULL, "no good YAML from here on%s%s",
                   reason ? ": " : "", reason ? p->said : "");
    }
}

/* ---- what is YAML, but no configuration ---- */

/* The well-known bomb: nine lists, each of nine aliases of the one before, are a billion nodes.
 * Counted before they are made. */
#define NODES_MAX 1000000
#define DEPTH_MAX 64

/* NULL when the tree stays small with every alias replaced by what it stands for, else a node at
 * which it is too large. */
static struct fy_node *overgrown(struct fy_node *node, unsigned depth, size_t *left)
{
    struct fy_node *found = NULL;
    if (node == NULL) {
        return NULL;
    }
    if (*left == 0 || depth == 0) {
        return node;
    }
    --*left;
    if (fy_node_is_alias(node)) {
        return overgrown(fy_node_resolve_alias(node), depth - 1, left);
    }
    void *at = NULL;
    if (fy_node_is_sequence(node)) {
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL;) {
            if ((found = overgrown(item, depth - 1, left)) != NULL) {
                return found;
            }
        }
    } else if (fy_node_is_mapping(node)) {
        for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at)) != NULL;) {
            if ((found = overgrown(fy_node_pair_key(pair), depth - 1, left)) != NULL ||
                (found = overgrown(fy_node_pair_value(pair), depth - 1, left)) != NULL) {
                return found;
            }
        }
    }
    return NULL;
}

/* False when the node has no place of its own; what was seen last stands before it then. */
static bool note_place(parsing *p, struct fy_node *node)
{
    return node != NULL && yaml_mark(node, &p->seen.line, &p->seen.column);
}

static bool is_name(struct fy_node *key)
{
    size_t size = 0;
    return key != NULL && fy_node_is_scalar(key) && fy_node_get_scalar(key, &size) != NULL &&
           size != 0;
}

/* Every key is a name. Here, and not where sections are read: what is joined into another file's
 * tree would no longer know where a key was missing. A value shows where its key would be. */
static void check_keys(parsing *p, struct fy_node *node)
{
    void *at = NULL;
    if (node != NULL && fy_node_is_sequence(node)) {
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL;) {
            check_keys(p, item);
        }
    } else if (node != NULL && fy_node_is_mapping(node)) {
        for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at)) != NULL;) {
            struct fy_node *key = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
            if (!is_name(key)) {
                (void)(note_place(p, key) || note_place(p, value) || note_place(p, node));
                report_add(p->report, p->seen, NULL, "expected a name as the key");
            }
            check_keys(p, value);
        }
    }
}

/* ---- the whole ---- */

typedef enum outcome {
    PARSED,
    REFUSED,   /* by libfyaml, which knows why */
    COMPLAINED /* it stands in the report */
} outcome;

static outcome refuse_second(parsing *p, struct fy_document *second)
{
    conf_place place = {.file = p->from->name};
    struct fy_node *root = fy_document_root(second);
    if (root == NULL || !yaml_mark(root, &place.line, &place.column)) {
        place = last_line(p);
    }
    report_add(p->report, place, NULL, "a second document begins here; one is expected");
    return COMPLAINED;
}

/* The stream is read to its end: a second document, or an error behind the first, would otherwise
 * be passed over in silence. */
static outcome load_document(parsing *p, struct fy_parser *parser, struct fy_document **document)
{
    size_t left = NODES_MAX;
    *document = fy_parse_load_document(parser);
    if (*document == NULL) {
        return fy_parser_get_stream_error(parser) ? REFUSED : PARSED;
    }
    struct fy_node *large = overgrown(fy_document_root(*document), DEPTH_MAX, &left);
    if (large != NULL) {
        note_place(p, large);
        report_add(p->report, p->seen, NULL, "is nested too deeply, or its aliases are");
        return COMPLAINED;
    }
    if (fy_document_resolve(*document) != 0) {
        return REFUSED;
    }
    struct fy_document *second = fy_parse_load_document(parser);
    if (second != NULL) {
        const outcome refused = refuse_second(p, second);
        fy_parse_document_destroy(parser, second);
        return refused;
    }
    return fy_parser_get_stream_error(parser) ? REFUSED : PARSED;
}

bool yaml_parse(const yaml_text *from, struct fy_document **document, cmp_report *report)
{
    parsing p = {.from = from, .report = report, .seen = {from->name, 1, 1}};
    struct fy_diag *diag = diag_create(&p);
    const struct fy_parse_cfg config = {.flags = FYPCF_COLLECT_DIAG, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    outcome o = REFUSED;
    if (fy_parser_set_string(parser, from->text.at, from->text.size) == 0) {
        o = load_document(&p, parser, document);
    }
    if (o == REFUSED) {
        report_syntax(&p, diag);
    }
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    if (o == PARSED && *document != NULL) {
        check_keys(&p, fy_document_root(*document));
    }
    return o == PARSED;
}
