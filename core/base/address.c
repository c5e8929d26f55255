/* SPDX-License-Identifier: Apache-2.0 */
/* See address.h. */
#include "base/address.h"

#include <arpa/inet.h>
#include <string.h>

#define MAPPED_SIZE 12

bool address_is_v4(const uint8_t address[16])
{
    static const uint8_t mapped[MAPPED_SIZE] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

void address_format(const uint8_t address[16], char text[INET6_ADDRSTRLEN])
{
    if (address_is_v4(address)) {
        inet_ntop(AF_INET, address + MAPPED_SIZE, text, INET6_ADDRSTRLEN);
    } else {
        inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
    }
}
