/* Defaults that rows cannot say, as they depend on other values: what is right for listeners on
 * which peers ask is not for those on which anybody may. Between reading and checking. */
#include "conf/internal.h"

#include "base/interface.h"

/* What one connection can bring into one turn of the loop is what lies in its buffer: few octets
 * keep a flood of small frames from holding up the others. They also bound what is on its way to
 * us, and with it the rate of one connection: with 16 KiB to about 1,600 requests a second at 50 ms
 * of way, enough for a handset, but not for a peer. */
#define RECEIVE_BUFFER_ANONYMOUS (INT64_C(16) * 1024)
#define RECEIVE_BUFFER_PEERS     (INT64_C(64) * 1024)

bool conf_listener_anonymous(const conf_listener *l)
{
    for (cmp_interface i = 0; i < CMP_INTERFACE_MAX; i++) {
        if (interface_in(l->interfaces, i) && interfaces[i].anonymous) {
            return true;
        }
    }
    return false;
}

static void derive_listener(conf_listener *l)
{
    const bool anonymous = conf_listener_anonymous(l);
    if (l->receive_buffer_bytes == 0) {
        l->receive_buffer_bytes = anonymous ? RECEIVE_BUFFER_ANONYMOUS : RECEIVE_BUFFER_PEERS;
    }
}

void conf_derive(conf *c)
{
    /* The rows are the configuration's own memory; only for others are they read-only. */
    conf_listener *listeners = (conf_listener *)(uintptr_t)c->top.listeners.at;
    for (size_t i = 0; i < c->top.listeners.count; i++) {
        derive_listener(&listeners[i]);
    }
}
