/* The library in a translation unit of its own. */

#define COAP2_IMPLEMENTATION
#include "coap2.h"
