/* The minimal server program with a client in it, which asks another node for
   its temperature. */

#define COAP2_WITH_CLIENT 1
#include "server.c"
