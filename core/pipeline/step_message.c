/* The message itself: decoding it before authentication, validating it after (Table 19). */
#include "mc/decode.h"
#include "pipeline/step.h"

static step_result refuse_for(cmp_txn *t, const fault *f)
{
    return step_refuse(t, f->code, f->parameter, f->detail);
}

step_result step_decode(cmp_txn *t)
{
    fault f = {.code = ERROR_MALFORMED};
    const bool read = t->carriage == CARRIAGE_JSON
                          ? decode_json(t->text, &t->memory, &t->message, &f)
                          : decode_form(t->text, &t->memory, &t->message, &f);
    /* Without tid or ici there is nothing that a signature could be checked against. */
    if (!read || !message_identified(&t->message, &f)) {
        return refuse_for(t, &f);
    }
    return STEP_NEXT;
}

step_result step_validate(cmp_txn *t)
{
    fault f = {.code = ERROR_MALFORMED};
    return message_validate(&t->message, &f) ? STEP_NEXT : refuse_for(t, &f);
}
