/* SPDX-License-Identifier: Apache-2.0 */
/* A port on loopback that nobody else is given, neither by us nor by the kernel, until the program
 * ends: its socket stays bound, which is in no server's way that sets SO_REUSEADDR, as all do. */
#pragma once

unsigned short free_port(void);
